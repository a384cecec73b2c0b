/** Tier 2: a parent instance and an enclave with /dev/nsm, two guests with a vsock between them. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeFolder, temporaryFolder } from '../../debian/cleanup.js'
import { step } from '../../debian/steps.js'
import { buildEif } from '../../image/index.js'
import { kernel, NITRO } from '../../reference-image/kernel.js'
import { boot, expectSuccess, type Guest, type Machine, onceMoreIfHung } from './guest.js'
import { runOnHost } from './host-program.js'
import { type Program, writeInitramfs } from './initramfs.js'
import { commandLine, nitroEnclave, parentInstance } from './machines.js'
import { busybox, firmware, vhostDeviceVsock } from './products.js'
import { nitroQemu } from './qemu-build.js'
import { inTime } from './time.js'
import { type Port, port, startSwitch } from './vhost-vsock.js'

/** As on EC2, where the parent is always 3. */
const PARENT_CID = 3
const ENCLAVE_CID = 16
/** For the enclave and the host program, once both guests are up: six times what they take. */
const PROGRAM_TIMEOUT = 90_000
/** For the parent to notice that the enclave is done. */
const FAREWELL = 10_000

export interface Programs {
  /** Serves, and ends when it is told to or the enclave is done. */
  readonly parent: Program
  readonly enclave: Program
  /** A bundled .mjs file that runs here while the guests are up. */
  readonly host: string
}

interface Rig {
  readonly vsock: string
  readonly ports: { readonly parent: Port; readonly enclave: Port }
  readonly parent: Machine
  readonly enclave: Machine
}

export async function tier2(programs: Programs): Promise<void> {
  const folder = temporaryFolder(tmpdir(), 'nitro-vm-')
  try {
    const rig = await prepare(programs, folder)
    const { parent, enclave, host } = programs
    await step(`running ${parent.name} and ${enclave.name} in two guests`, () => {
      return onceMoreIfHung(() => play(rig, host))
    })
  } finally {
    removeFolder(folder)
  }
}

async function prepare({ parent, enclave }: Programs, folder: string): Promise<Rig> {
  // What may be impossible comes before what takes long.
  const vsock = await vhostDeviceVsock()
  const { image, modules } = await kernel(NITRO)
  const contents = { busybox: await busybox(), modules }
  const bios = await firmware()
  const qemu = await nitroQemu()

  const ports = { parent: port(folder, PARENT_CID), enclave: port(folder, ENCLAVE_CID) }
  const initramfs = async (program: Program): Promise<{ ramdisk: string; token: string }> => {
    const ramdisk = join(folder, `${program.name}.cpio`)
    const token = randomUUID()
    await writeInitramfs(ramdisk, { ...contents, program, token })
    return { ramdisk, token }
  }
  const inParent = await initramfs(parent)
  const inEnclave = await initramfs(enclave)
  const eif = join(folder, 'enclave.eif')
  await buildEif({
    kernel: image,
    commandLine: commandLine(),
    ramdisks: [inEnclave.ramdisk],
    output: eif,
    name: 'test',
    version: '1',
  })
  return {
    vsock,
    ports,
    parent: {
      name: 'parent',
      qemu,
      args: parentInstance(image, inParent.ramdisk, bios, ports.parent.socket),
      token: inParent.token,
    },
    enclave: {
      name: 'enclave',
      qemu,
      args: nitroEnclave(eif, bios, ports.enclave.socket),
      token: inEnclave.token,
    },
  }
}

/** The parent first: the enclave dials it as soon as it is up. */
async function play({ vsock, ports, parent, enclave }: Rig, host: string): Promise<void> {
  const running: { stop(): Promise<void> }[] = []
  const kept = <T extends { stop(): Promise<void> }>(one: T): T => {
    running.unshift(one)
    return one
  }
  try {
    kept(await startSwitch(vsock, [ports.parent, ports.enclave]))
    const first: Guest = kept(await boot(parent))
    const second: Guest = kept(await boot(enclave))
    const beside = kept(runOnHost(host, ports))
    const parentEnded = expectSuccess('the parent', first.exitCode)
    const others = Promise.all([
      expectSuccess('the enclave', ended('the enclave', second.exitCode)),
      expectSuccess('the host program', ended('the host program', beside.exitCode)),
    ])
    // A parent that fails ends the wait for the others.
    await Promise.race([others, parentEnded.then(() => others)])
    await inTime(parentEnded, FAREWELL, () => new Error('the parent did not end when the enclave was done'))
  } finally {
    for (const one of running) await one.stop()
  }
}

function ended(what: string, exitCode: Promise<number>): Promise<number> {
  const limit = `${PROGRAM_TIMEOUT / 1000} s`
  return inTime(exitCode, PROGRAM_TIMEOUT, () => new Error(`${what} did not end in ${limit}`))
}
