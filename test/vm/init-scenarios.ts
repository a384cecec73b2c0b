/** What an enclave's init is given, and what its console must say then. */
import { readFileSync } from 'node:fs'
import type { Scenario } from './init-scenario.js'

const OFF = 'nitro.heartbeat=off'
const NO_HEARTBEAT =
  'enclave-init: no heartbeat from vsock CID 3, port 9000 (kernel option nitro.heartbeat=off does without)'
const LEFT_OUT = `enclave-init: no heartbeat sent: ${OFF}`
const MODULES = [
  '01-virtio_mmio',
  '02-vsock',
  '03-vmw_vsock_virtio_transport_common',
  '04-vmw_vsock_virtio_transport',
]
const RAN = /CHECK|command/
const LIMIT = 1 << 20

function command(...words: readonly string[]): string {
  return words.join('\n')
}

/** The program named `script` in a shell. */
function shell(script: string): Record<string, string> {
  return { '/cmd': command('/bin/busybox', 'sh', '-c', script) }
}

export const WITHOUT_LISTENER: readonly Scenario[] = [
  {
    name: 'nobody listens',
    expected: [`${NO_HEARTBEAT}: cannot connect: Connection reset by peer`],
    never: RAN,
  },
]

export const WITH_PARENT: readonly Scenario[] = [
  {
    name: 'a program and all that it finds',
    // Words that only look like the option.
    options: `x${OFF} ${OFF}2 init.${OFF}`,
    files: {
      '/cmd': command('busybox', 'sh', '/check.sh', 'two words', '', '$HOME', 'last'),
      '/env': 'GREETING=hello = world\nEMPTY=\nPATH=/nowhere:/bin\n',
      '/rootfs/check.sh': readFileSync(new URL('guest/enclave.sh', import.meta.url), 'utf8'),
    },
    expected: [
      ...['[two words]', '[]', '[$HOME]', '[last]'].map((argument) => `CHECK argument=${argument}`),
      ...['GREETING=hello = world', 'EMPTY=', 'PATH=/nowhere:/bin'].map(
        (line) => `CHECK environment=${line}`,
      ),
      ...[
        'CHECK cwd=/',
        'CHECK session=own',
        'CHECK blocked=0000000000000000',
        'CHECK ctrl-alt-del=0',
        'CHECK parent=1',
      ],
      ...['/dev devtmpfs rw,nosuid,noexec', '/dev/pts devpts rw,nosuid,noexec'].map(mount),
      ...['/dev/shm tmpfs', '/proc proc', '/sys sysfs', '/run tmpfs', '/tmp tmpfs'].map((which) =>
        mount(`${which} rw,nosuid,nodev,noexec`),
      ),
      ...['/tmp 1777', '/run 755', '/dev/shm 1777'].map((folder) => `CHECK writable=${folder}`),
      'CHECK link=fd /proc/self/fd',
      ...['stdin', 'stdout', 'stderr'].map((name, number) => `CHECK link=${name} /proc/self/fd/${number}`),
      ...['CHECK device=/dev/nsm', 'CHECK device=/dev/ptmx'],
      ...['CHECK loopback=inet 127.0.0.1/8', 'CHECK loopback=LOWER_UP', 'CHECK zombies=0'],
      'CHECK ramdisk=dev init modules proc root rootfs ',
      'enclave-init: the command exited with 3',
    ],
    never: /^enclave-init: no /,
  },
  {
    name: 'another answer',
    answer: 'wrong',
    expected: [`${NO_HEARTBEAT}: a wrong answer`],
    never: RAN,
  },
  {
    name: 'a connection that ends without an answer',
    answer: 'close',
    expected: [`${NO_HEARTBEAT}: closed without an answer`],
    never: RAN,
  },
  {
    name: 'a parent that never answers',
    answer: 'silence',
    expected: [`${NO_HEARTBEAT}: no answer: Connection timed out`],
    never: RAN,
  },
]

export const WITHOUT_HEARTBEAT: readonly Scenario[] = [
  {
    name: 'no heartbeat wanted, and a command that a signal ends',
    files: shell('kill -KILL $$'),
    expected: [LEFT_OUT, 'enclave-init: the command was ended by signal 9 (Killed)'],
  },
  {
    name: 'a driver given twice, and a signal for init, which is for the command',
    files: {
      ...shell('trap "echo CHECK TERM; exit 7" TERM; kill -TERM 1; while :; do :; done'),
      '/modules/05-nsm.ko': { blob: 'nsm.ko' },
    },
    expected: ['CHECK TERM', 'enclave-init: the command exited with 7'],
  },
  {
    name: 'the command is not in the image',
    files: { '/cmd': command('/bin/none', 'x') },
    expected: ['enclave-init: cannot run /bin/none: No such file or directory'],
    never: /exited/,
  },
  {
    name: 'no /cmd',
    files: { '/cmd': undefined },
    expected: ['enclave-init: no command: /cmd is missing or empty'],
  },
  {
    name: 'an empty /cmd',
    files: { '/cmd': '' },
    expected: ['enclave-init: no command: /cmd is missing or empty'],
  },
  {
    name: 'a /cmd without end',
    files: { '/cmd': 'x'.repeat(LIMIT + 1) },
    expected: [`enclave-init: /cmd is larger than ${LIMIT} bytes`],
  },
  {
    name: 'a NUL in /env',
    files: { '/env': 'A=1\0B=2\n' },
    expected: ['enclave-init: /env has a NUL byte'],
  },
  {
    name: 'no root file system',
    files: { '/rootfs/bin/busybox': undefined },
    expected: ['enclave-init: cannot enter /rootfs: No such file or directory'],
  },
  {
    name: 'a module that is none',
    files: { '/modules/05-broken.ko': 'text' },
    expected: ['enclave-init: cannot insert /modules/05-broken.ko: Exec format error'],
    never: /heartbeat/,
  },
  {
    name: 'no drivers, no /env, and a /dev/console that is none',
    files: {
      ...shell('echo "CHECK $PATH"'),
      '/env': undefined,
      '/dev/console': '',
      '/nsm.ko': undefined,
      ...Object.fromEntries(MODULES.map((name) => [`/modules/${name}.ko`, undefined])),
    },
    expected: [
      'enclave-init: no /dev/nsm: this enclave cannot be attested',
      LEFT_OUT,
      'CHECK /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'enclave-init: the command exited with 0',
    ],
  },
].map((scenario) => ({ ...scenario, options: OFF }))

export const WITHOUT_PARENT: readonly Scenario[] = [
  {
    name: 'there is no CID 3',
    expected: [
      /^enclave-init: no heartbeat from vsock CID 3, .*: cannot connect: Connection (timed out|reset by peer)$/,
    ],
    never: RAN,
  },
]

function mount(text: string): string {
  return `CHECK mount=${text}`
}
