# What a program finds in an enclave, one `CHECK name=value` a line. Run by busybox as /cmd, with arguments.
b=/bin/busybox
check() { echo "CHECK $1=$2"; }

for argument; do check argument "[$argument]"; done
# The environment as it was when the program began.
$b tr '\0' '\n' </proc/$$/environ | while read -r line; do check environment "$line"; done
check cwd "$($b pwd)"
check session "$([ "$($b cut -d ' ' -f 6 /proc/$$/stat)" = $$ ] && echo own)"
check blocked "$($b grep SigBlk /proc/$$/status | $b cut -f 2)"
check ctrl-alt-del "$($b cat /proc/sys/kernel/ctrl-alt-del)"
check parent "$($b grep PPid /proc/$$/status | $b cut -f 2)"

while read -r type target kind options rest; do check mount "$target $kind ${options%%,relatime*}"; done </proc/mounts
for folder in /tmp /run /dev/shm; do
  echo text >$folder/file && check writable "$folder $($b stat -c %a $folder)"
done
for name in fd stdin stdout stderr; do check link "$name $($b readlink /dev/$name)"; done
[ -c /dev/nsm ] && check device /dev/nsm
[ -c /dev/ptmx ] && check device /dev/ptmx
check loopback "$($b ip -4 -o addr show lo | $b grep -o 'inet [^ ]*')"
check loopback "$($b ip link show lo | $b grep -o LOWER_UP)"

# A process whose parent is gone is reaped by init.
($b sh -c "$b true & exec $b true")
$b sleep 0.3
check zombies "$($b cat /proc/[0-9]*/status | $b grep -c 'State:.Z')"

# From a root inside this one the way out is open: what is left of the ramdisks?
$b mkdir -p /inner/bin /inner/proc
$b cp $b /inner/bin/busybox
$b mount -t proc proc /inner/proc
check ramdisk "$($b chroot /inner $b ls /proc/self/fd/9/.. 9</ | $b tr '\n' ' ')"
exit 3
