/** What the program of an image takes of memory, run by the image's own Node against a simulated NSM and KMS. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NsmRequest } from '../enclave/nsm/requests.js'
import type { simulate as Simulate, Simulation } from '../simulator/index.js'

const PROBE = fileURLToPath(new URL('memory-probe.mjs', import.meta.url))

type Report =
  | { readonly id: number; readonly request: NsmRequest }
  | { readonly length: number; readonly residentMemory: number }

/** @returns bytes of resident memory after the first attested call; `root` is the image's root file system */
export async function residentMemory(root: string): Promise<number> {
  // The built simulator: its processes are JavaScript files.
  const built = new URL('../dist/simulator/index.js', import.meta.url)
  const { simulate }: { simulate: typeof Simulate } = await import(built.href)
  const folder = mkdtempSync(join(tmpdir(), 'nitro-memory-'))
  const simulation = await simulate()
  const relay = relayTo(simulation)
  try {
    const socket = join(folder, 'kms.sock')
    relay.listen(socket)
    await once(relay, 'listening')
    return await probe(root, socket, simulation)
  } finally {
    relay.close()
    await simulation.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A socket that leads where the simulated enclave dials. */
function relayTo({ dependencies }: Simulation): net.Server {
  return net.createServer((socket) => {
    const carrier = dependencies.dial()
    for (const [one, other] of [
      [socket, carrier],
      [carrier, socket],
    ] as const) {
      one.on('error', () => other.destroy())
      one.pipe(other)
    }
  })
}

async function probe(root: string, socket: string, { dependencies }: Simulation): Promise<number> {
  const { nsm, region, trustAnchors } = dependencies
  // What a channel can carry.
  const start = { region, trustAnchors, credentials: await dependencies.credentials() }
  const args = [...loader(root), join(root, 'bin/node'), PROBE, join(root, 'enclave/main.mjs'), socket]
  const [command = '', ...rest] = args
  const child = spawn(command, rest, { stdio: ['ignore', 2, 2, 'ipc'], serialization: 'advanced', env: {} })
  const ended = once(child, 'exit')
  let report: Report | undefined
  child.on('message', (message: Report) => {
    if ('residentMemory' in message) report = message
    else void nsm.request(message.request).then((response) => child.send({ id: message.id, response }))
  })
  child.send({ start })
  const [code] = await ended
  if (report === undefined || !('residentMemory' in report) || report.length !== 32)
    throw new Error(`the program of the image ended with ${code}, without an attested call`)
  return report.residentMemory
}

/** The image's own dynamic loader and libraries (ld.so(8)). */
function loader(root: string): readonly string[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const found = files.find((file) => /(^|\/)ld-linux[^/]*\.so\.\d$/.test(file))
  const libraries = new Set(
    files.filter((file) => /\.so\.\d+$/.test(file)).map((file) => join(root, file, '..')),
  )
  return found === undefined ? [] : [join(root, found), '--library-path', [...libraries].join(':')]
}
