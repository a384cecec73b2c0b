/**
 * Tier 3: our init by itself, then the enclave image of Dockerfile.enclave, as `make eif-local` makes it, booted as a
 * Nitro Enclave beside its parent instance, which runs our parent proxy and the simulated KMS.
 */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeFolder, temporaryFolder } from '../../debian/cleanup.js'
import { say, step } from '../../debian/steps.js'
import { describeEif, type Measurements, pinningPolicy } from '../../image/index.js'
import { makeBlobs } from '../../reference-image/blobs.js'
import { withImageRoot } from '../../reference-image/build.js'
import { type MadeEif, makeEif } from '../../reference-image/eif.js'
import { kernel, NITRO } from '../../reference-image/kernel.js'
import { hybridTransport } from '../../shared/vsock/index.js'
import type { Instance } from './guest/instance.js'
import { ask } from './guest/lines.js'
import { NEWS_PORT } from './guest/meeting.js'
import { boot, expectSuccess, type Machine, onceMoreIfHung } from './guest.js'
import { checkContents } from './image-contents.js'
import { initCheck } from './init-check.js'
import { writeInitramfs } from './initramfs.js'
import { clock, nitroEnclave, parentInstance } from './machines.js'
import { busybox, firmware, vhostDeviceVsock } from './products.js'
import { programOf } from './programs.js'
import { nitroQemu } from './qemu-build.js'
import { testSigner } from './signer.js'
import { CREDENTIALS, HOST, REGION, simulatedKmsIdentity } from './simulated-kms.js'
import { type Port, port, startSwitch } from './vhost-vsock.js'

const PARENT_CID = 3
const ENCLAVE_CID = 16
const OTHER_CID = 17
/** Of the emulator's vsock between two guests; see guest/instance.ts. */
const RECEIVE_WINDOW = '3072'

interface Image {
  readonly path: string
  readonly measurements: Measurements
}

interface Images {
  readonly test: Image
  /** The same root file system under another command line. */
  readonly other: Image
}

export async function tier3(): Promise<void> {
  await initCheck()
  const folder = temporaryFolder(tmpdir(), 'nitro-vm-')
  try {
    // What may be impossible comes before what takes long.
    const vsock = await vhostDeviceVsock()
    const qemu = await nitroQemu()
    const bios = await firmware()
    const images = await makeImages(folder)
    const ports = [PARENT_CID, ENCLAVE_CID, OTHER_CID].map((cid) => port(folder, cid))
    const [parentPort, enclavePort, otherPort] = ports
    if (parentPort === undefined || enclavePort === undefined || otherPort === undefined) return
    const enclave = (name: string, { path }: Image, socket: string): Machine => ({
      name,
      qemu,
      args: nitroEnclave(path, bios, socket, clock()),
      token: randomUUID(),
      up: /ready: /,
    })
    const machines = [
      await parentOf(folder, images, qemu, bios, parentPort.socket),
      enclave('enclave', images.test, enclavePort.socket),
      enclave('other enclave', images.other, otherPort.socket),
    ]
    await step('an enclave beside its parent instance', () =>
      onceMoreIfHung(() => play(vsock, ports, machines)),
    )
  } finally {
    removeFolder(folder)
  }
}

async function makeImages(folder: string): Promise<Images> {
  const blobs = await makeBlobs()
  const measurements = await productionImage(folder, blobs)
  const { ca } = await simulatedKmsIdentity()
  const path = join(folder, 'test.eif')
  const other = join(folder, 'other.eif')
  await makeEif({
    name: 'test',
    tag: 'test-enclave',
    args: { REGION, TLS_ROOTS: ca, CREDENTIALS_PORT: '8001', RECEIVE_WINDOW },
    blobs,
    output: path,
    signing: await testSigner(),
    also: { commandLine: 'nitro.heartbeat=off', output: other },
  })
  const images = { test: await described(path), other: await described(other) }
  say(`   PCR0 of the production image ${measurements.PCR0}`)
  say(`   PCR0 of the test image       ${images.test.measurements.PCR0}`)
  say("   (the test image trusts the simulator's authority and fetches its credentials: another image)")
  if (images.test.measurements.PCR0 === measurements.PCR0)
    throw new Error('what the enclave trusts is not measured: both images have one PCR0')
  return images
}

/** Twice from scratch: whoever builds it must get what we measured. */
async function productionImage(folder: string, blobs: string): Promise<Measurements> {
  const build = (output: string): Promise<MadeEif> =>
    makeEif({ name: 'production', tag: 'enclave', fresh: true, blobs, output: join(folder, output) })
  const [one, two] = [await build('production.eif'), await build('again.eif')]
  if (one.measurements.PCR0 !== two.measurements.PCR0)
    throw new Error(`built again, the image has another PCR0: ${two.measurements.PCR0}`)
  say('   built twice from scratch, the production image has one PCR0')
  await withImageRoot(two.imageId, checkContents)
  return one.measurements
}

async function described(path: string): Promise<Image> {
  const { Measurements: measurements, CheckCRC, SignatureCheck } = await describeEif(path)
  if (!CheckCRC || SignatureCheck !== true) throw new Error(`${path}: a wrong checksum or signature`)
  return { path, measurements }
}

async function parentOf(
  folder: string,
  { test, other }: Images,
  qemu: string,
  bios: string,
  socket: string,
): Promise<Machine> {
  const { measurements } = test
  const instance: Instance = {
    kms: {
      ...(await simulatedKmsIdentity()),
      host: HOST,
      region: REGION,
      credentials: CREDENTIALS,
      policy: pinningPolicy({ action: 'GenerateRandom', measurements, registers: [8] }),
    },
    measurements,
    other: other.measurements,
  }
  const file = join(folder, 'instance.json')
  writeFileSync(file, JSON.stringify(instance))
  const { image, modules } = await kernel(NITRO)
  const program = await programOf('instance')
  const files = [...(program.files ?? []), { hostPath: file, guestPath: '/test/instance.json' }]
  const ramdisk = join(folder, 'parent.cpio')
  const token = randomUUID()
  await writeInitramfs(ramdisk, { program: { ...program, files }, busybox: await busybox(), modules, token })
  return { name: 'parent', qemu, args: parentInstance(image, ramdisk, bios, socket), token, up: /served$/ }
}

/** One after another: the parent answers the enclave's sign of life. */
async function play(vsock: string, ports: readonly Port[], machines: readonly Machine[]): Promise<void> {
  const running: { stop(): Promise<void> }[] = []
  try {
    running.unshift(await startSwitch(vsock, ports))
    const exits: Promise<number>[] = []
    for (const [index, machine] of machines.entries()) {
      const guest = await boot(machine)
      running.unshift(guest)
      exits.push(guest.exitCode)
      if (index > 0) await tellParent(ports, index)
    }
    const [parent = Promise.reject(new Error('no parent'))] = exits
    // An enclave that ends by itself has failed; its program never does.
    await Promise.race([expectSuccess('the parent', parent), ...exits.slice(1).map(forbidden)])
  } finally {
    for (const one of running) await one.stop()
  }
}

async function tellParent([parent, ...enclaves]: readonly Port[], index: number): Promise<void> {
  const [{ hybrid } = { hybrid: '' }, enclave] = [parent, enclaves[index - 1]]
  await ask({ cid: PARENT_CID, port: NEWS_PORT, transport: hybridTransport(hybrid) }, String(enclave?.cid))
}

async function forbidden(exitCode: Promise<number>): Promise<never> {
  throw new Error(`an enclave ended with ${await exitCode}`)
}
