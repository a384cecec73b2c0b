/**
 * Everything but the enclave, in other processes than the measured one: the simulated NSM in this one (on an instance
 * its signature is no work of the enclave's processors either), the parent's proxy and KMS in one each.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AwsCredentialIdentity } from '@smithy/types'
import { decodeCbor } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import type { simulate as Simulate, Simulation } from '../../../simulator/index.js'
import { frame, frames } from './frames.js'
import type { Surroundings } from './surroundings.js'

const POLICY = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: 'kms:GenerateRandom', Resource: '*' },
}

export interface Stage {
  readonly surroundings: Surroundings
  /** Of sockets and files, removed in the end. */
  readonly folder: string
  close(): Promise<void>
}

/** `built`: the folder of the compiled product, whose processes are JavaScript files. */
export async function setStage(built: URL): Promise<Stage> {
  const { simulate }: { simulate: typeof Simulate } = await import(new URL('simulator/index.js', built).href)
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const simulation = await inFolder(folder, () => simulate({ policy: POLICY }))
  const { nsm, region, trustAnchors = [] } = simulation.dependencies
  const module = net.createServer((socket) => {
    socket.on('error', () => undefined)
    const read = frames((request) => {
      void answer(request).then((response) => socket.write(frame(response)))
    })
    socket.on('data', read)
  })
  const answer = async (request: Uint8Array): Promise<Uint8Array> => {
    const { document } = await nsm.request({ type: 'Attestation', ...fieldsOf(request) })
    return encodeCbor(new Map([['Attestation', new Map([['document', document]])]]))
  }
  const nsmSocket = join(folder, 'nsm.sock')
  await new Promise<void>((resolve) => module.listen(nsmSocket, resolve))
  return {
    folder,
    surroundings: {
      nsmSocket,
      parentSocket: parentSocketIn(folder),
      region,
      credentials: await identityOf(simulation),
      trustAnchors,
    },
    close: async () => {
      module.close()
      await simulation.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Of the enclave's role. */
async function identityOf({
  dependencies: { credentials },
}: Simulation): Promise<Surroundings['credentials']> {
  const given = typeof credentials === 'function' ? await credentials() : credentials
  const { accessKeyId, secretAccessKey, sessionToken } = given as AwsCredentialIdentity
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
}

/** A simulation makes its folder where TMPDIR says. */
async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const before = process.env.TMPDIR
  process.env.TMPDIR = folder
  try {
    return await work()
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

/** Where the parent's proxy listens for connections to KMS: CID 3, port 8000. */
function parentSocketIn(folder: string): string {
  const found = readdirSync(folder)
    .map((name) => join(folder, name, '3.8000'))
    .find((path) => existsSync(path))
  if (found === undefined) throw new Error('the simulated parent does not listen')
  return found
}

/** Of an Attestation, the only request that is made here. */
function fieldsOf(request: Uint8Array): { readonly publicKey: Uint8Array; readonly nonce: Uint8Array } {
  const value = decodeCbor(request)
  const fields = value instanceof Map ? value.get('Attestation') : undefined
  const [publicKey, nonce] = ['public_key', 'nonce'].map((name) =>
    fields instanceof Map ? fields.get(name) : undefined,
  )
  if (!(publicKey instanceof Uint8Array) || !(nonce instanceof Uint8Array))
    throw new Error('not the request for a document')
  return { publicKey, nonce }
}
