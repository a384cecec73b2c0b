/**
 * One verifier in a process of its own, so that no other warms or disturbs it; the peers take the time from their
 * clock, which is set for the whole process. Verifies one document as often as it is told to, and says what that took.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { floor, knownFloor } from './floor.js'
import { KINDS, type Kind, type Order, type Taken } from './kinds.js'

const [, , name, file = '', time = '', built = ''] = process.argv
const kind = KINDS.find((known) => known === name)
if (kind === undefined) throw new Error(`no verifier ${name}`)
const document = new Uint8Array(readFileSync(file))
const now = new Date(time)
const require = createRequire(import.meta.url)

/** Throws, or rejects, when the document is refused. */
type Verify = () => unknown

const verifiers: Readonly<Record<Kind, () => Promise<Verify>>> = {
  node: () => ours('index', false),
  'node, known chain': () => ours('index', true),
  web: () => ours('web', false),
  'web, known chain': () => ours('web', true),
  floor: () => floor(document, built),
  'floor, known chain': () => knownFloor(document, built),
  napi: async () => {
    const { attestEnclave } = require('@evervault/attestation-bindings')
    // Any certificate: its key is compared with the document's user_data when everything else was found good.
    const certificate = readFileSync(join(dirname(file), 'root.der'))
    return () => attestEnclave(certificate, [], document)
  },
  wasm: async () => {
    const wasm = await import('@evervault/wasm-attestation-bindings')
    const compiled = require.resolve('@evervault/wasm-attestation-bindings/index_bg.wasm')
    wasm.initSync({ module: readFileSync(compiled) })
    const text = Buffer.from(document).toString('base64')
    return () => {
      if (!wasm.validateAttestationDocPcrs(text, [])) throw new Error('refused')
    }
  },
}

async function ours(platform: string, cache: boolean): Promise<Verify> {
  const path = new URL(`shared/attestation/${platform}.js`, built).href
  const { verifyAttestation } = (await import(path)) as typeof import('../../../shared/attestation/index.js')
  return () => verifyAttestation(document, { now, cache })
}

const verify = await verifiers[kind]()
process.on('message', async ({ documents }: Order) => {
  const from = process.hrtime.bigint()
  const used = process.cpuUsage()
  for (let i = 0; i < documents; i++) await verify()
  const { user, system } = process.cpuUsage(used)
  const taken: Taken = { cpu: (user + system) / 1e6, wall: Number(process.hrtime.bigint() - from) / 1e9 }
  process.send?.(taken)
})
process.send?.('ready')
