/** QEMU's arguments for each kind of guest: emulated, so that no machine needs /dev/kvm. */
import { readFileSync } from 'node:fs'

const MEMORY = '1536M'
const COMMON = [
  ...['-accel', 'tcg', '-cpu', 'max', '-m', MEMORY, '-rtc', 'base=utc'],
  ...['-nographic', '-no-reboot', '-nodefaults', '-serial', 'stdio'],
]
/** In the shapes that EC2 gives them. */
const INSTANCE = 'i-0123456789abcdef0'
const ENCLAVE = `${INSTANCE}-enc0123456789abcd`
const ROLE = 'arn:aws:iam::123456789012:role/parent'

/** A guest without devices; `firmware` as below, for a QEMU that is not installed. */
export function microvm(kernel: string, ramdisk: string, firmware?: string): readonly string[] {
  const folder = firmware === undefined ? [] : ['-L', firmware]
  return [...COMMON, ...folder, '-M', 'microvm', ...booting(kernel, ramdisk)]
}

/**
 * A guest with a vsock; `vsock` is the socket that serves it, `firmware` the folder QEMU finds its own parts in,
 * `options` are the kernel's, beside the usual ones.
 */
export function parentInstance(
  kernel: string,
  ramdisk: string,
  firmware: string,
  vsock: string,
  options = '',
): readonly string[] {
  // What serves the vsock reads the guest's memory, so that must be shared.
  const memory = `memory-backend-memfd,id=memory,size=${MEMORY},share=on`
  return [
    ...[...COMMON, '-L', firmware, '-M', 'microvm,acpi=on,memory-backend=memory', '-object', memory],
    ...['-chardev', `socket,id=vsock,path=${vsock}`, '-device', 'vhost-user-vsock-device,chardev=vsock'],
    ...booting(kernel, ramdisk, options),
  ]
}

/**
 * An enclave: the kernel is in its image, and the machine brings vsock and NSM itself. `options` are the kernel's, after
 * those of the image.
 */
export function nitroEnclave(
  image: string,
  firmware: string,
  vsock: string,
  options = '',
): readonly string[] {
  // Without ACPI the kernel does not find the devices on the virtio bus.
  const machine = `nitro-enclave,acpi=on,vsock=vsock,id=${ENCLAVE},parent-role=${ROLE},parent-id=${INSTANCE}`
  return [
    ...[...COMMON, '-L', firmware, '-M', machine],
    ...['-chardev', `socket,id=vsock,path=${vsock}`, '-kernel', image],
    ...(options === '' ? [] : ['-append', options]),
  ]
}

function booting(kernel: string, ramdisk: string, options = ''): readonly string[] {
  return ['-kernel', kernel, '-initrd', ramdisk, '-append', `${commandLine()} ${options}`.trim()]
}

export function commandLine(): string {
  return `console=ttyS0 loglevel=3 panic=-1 reboot=t random.trust_cpu=1 ${clock()}`
}

/** On busy cores an emulated guest fails to measure its processor, and stops: so it is told. */
export function clock(): string {
  return `tsc_early_khz=${processorKhz()} lpj=4000000 no_timer_check`
}

function processorKhz(): number {
  const [, mhz = '2000'] = /^cpu MHz\s*: ([\d.]+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? []
  return Math.round(Number(mhz) * 1000)
}
