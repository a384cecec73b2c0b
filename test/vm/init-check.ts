/** The enclave's init as process 1 of real kernels: small images, and a parent that answers their heartbeats. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { removeFolder, temporaryFolder } from '../../debian/cleanup.js'
import { run } from '../../debian/run.js'
import { step } from '../../debian/steps.js'
import { makeBlobs } from '../../reference-image/blobs.js'
import { connect, parseVsockAddress } from '../../shared/vsock/index.js'
import { writeBlobRamdisk } from './blob-ramdisk.js'
import { boot, type Guest, onceMoreIfHung } from './guest.js'
import { type Parts, playScenario, type Scenario } from './init-scenario.js'
import { WITH_PARENT, WITHOUT_HEARTBEAT, WITHOUT_LISTENER, WITHOUT_PARENT } from './init-scenarios.js'
import { parentInstance } from './machines.js'
import { busybox, firmware, vhostDeviceVsock } from './products.js'
import { nitroQemu } from './qemu-build.js'
import { inTime } from './time.js'
import { type Port, port, startSwitch } from './vhost-vsock.js'

const PARENT_CID = 3
const FIRST_CID = 16
/** The parent listens for heartbeats when somebody has connected to this one. */
const WISH_PORT = 9001
const WISH_TIMEOUT = 10_000
const HEARTBEAT = fileURLToPath(new URL('guest/heartbeat.c', import.meta.url))

/** @throws Error when what a console says is not what it should say */
export async function initCheck(): Promise<void> {
  const folder = temporaryFolder(tmpdir(), 'nitro-vm-')
  try {
    // What may be impossible comes before what takes long.
    const vsock = await vhostDeviceVsock()
    const parts: Parts = {
      folder,
      blobs: await makeBlobs(),
      busybox: await busybox(),
      firmware: await firmware(),
      qemu: await nitroQemu(),
    }
    await onceMoreIfHung(() => playAll(parts, vsock))
  } finally {
    removeFolder(folder)
  }
}

async function playAll(parts: Parts, vsock: string): Promise<void> {
  const parentPort = port(parts.folder, PARENT_CID)
  // A CID for each: vhost-device-vsock is not ready at once for another guest of the same.
  const scenarios = [...WITHOUT_LISTENER, ...WITH_PARENT, ...WITHOUT_PARENT, ...WITHOUT_HEARTBEAT]
  const ports = new Map(scenarios.map((scenario, index) => [scenario, port(parts.folder, FIRST_CID + index)]))
  const play = (some: readonly Scenario[]): Promise<void> =>
    inPairs(some, (scenario) => playScenario(parts, portOf(ports, scenario), scenario))
  const running: { stop(): Promise<void> }[] = []
  try {
    running.unshift(await startSwitch(vsock, [parentPort, ...ports.values()]))
    const parent = await step('the parent', () => bootParent(parts, parentPort, ports))
    running.unshift(parent)
    await step('an enclave whose parent does not listen', () => play(WITHOUT_LISTENER))
    await makeItListen(parentPort)
    await step('enclaves whose parent answers', () => play(WITH_PARENT))
    // After it: what is sent to a CID that is not there lies in its way when it comes.
    await parent.stop()
    await step('enclaves without a parent', () => play([...WITHOUT_PARENT, ...WITHOUT_HEARTBEAT]))
  } finally {
    for (const one of running) await one.stop()
  }
}

function portOf(ports: ReadonlyMap<Scenario, Port>, scenario: Scenario): Port {
  const found = ports.get(scenario)
  if (found === undefined) throw new Error(`no port for ${scenario.name}`)
  return found
}

/** Two at a time: a guest takes one core. After a failure none is begun. */
async function inPairs<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await work(item).catch((error: unknown) => {
        queue.length = 0
        throw error
      })
    }
  }
  const results = await Promise.allSettled([worker(), worker()])
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** It, too, runs on the enclave's init. */
async function bootParent(
  { folder, blobs, busybox, firmware, qemu }: Parts,
  at: Port,
  enclaves: ReadonlyMap<Scenario, Port>,
): Promise<Guest> {
  const program = join(folder, 'heartbeat')
  await run('cc', ['-static', '-Os', '-Wall', '-Wextra', '-Werror', '-o', program, HEARTBEAT])
  const ramdisk = join(folder, 'parent.cpio')
  const token = randomUUID()
  const answers = [...enclaves].map(([{ answer = 'echo' }, { cid }]) => `${cid}=${answer}`)
  await writeBlobRamdisk(ramdisk, blobs, busybox, {
    '/rootfs/heartbeat': { file: program },
    '/cmd': ['/heartbeat', token, ...answers].join('\n'),
  })
  const args = parentInstance(join(blobs, 'bzImage'), ramdisk, firmware, at.socket, 'nitro.heartbeat=off')
  return boot({ name: 'parent', qemu, args, token })
}

async function makeItListen({ hybrid }: Port): Promise<void> {
  const socket = connect(parseVsockAddress(`hybrid:${hybrid}:${WISH_PORT}`))
  try {
    await inTime(once(socket, 'data'), WISH_TIMEOUT, () => new Error('the parent does not listen'))
  } finally {
    socket.destroy()
  }
}
