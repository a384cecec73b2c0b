/** Bundled and measured: makes calls of one kind as it is told, and says what they took of this process. */
import { webcrypto } from 'node:crypto'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { GenerateRandomCommand, type KMSClient } from '@aws-sdk/client-kms'
import { type Dependencies, run } from '../../../enclave/application.js'
import { EnclaveAgent } from '../../../enclave/kms/agent.js'
import { createKmsClient } from '../../../enclave/kms/client.js'
import { kmsHost } from '../../../enclave/kms/endpoint.js'
import { dependenciesFrom } from './surroundings.js'

/**
 * The reference application; its client without Recipient; no client at all, but the same request by node:https; no
 * call at all, but one unwrapping.
 */
export type Kind = 'attested' | 'plain' | 'https' | 'unwrap'

export interface Order {
  readonly calls: number
  readonly inFlight: number
  /** Milliseconds a call: so many as are in flight begin together, then time passes. As fast as it goes without. */
  readonly pace?: number
}

export interface Taken {
  /** Milliseconds in all. */
  readonly duration: number
  /** Milliseconds of all threads, a call. */
  readonly cpu: number
  /** Bytes. */
  readonly residentMemory: number
}

type Call = () => Promise<Uint8Array>

const NUMBER_OF_BYTES = 32

async function prepare(kind: Kind, dependencies: Dependencies): Promise<() => Promise<Call>> {
  if (kind === 'attested') {
    const { generateRandom } = await run(dependencies)
    return async () => () => generateRandom({ numberOfBytes: NUMBER_OF_BYTES })
  }
  if (kind === 'unwrap') {
    const unwrap = await unwrapping()
    return async () => unwrap
  }
  const { nsm: _, ...others } = dependencies
  const client = createKmsClient(others)
  const plain: Call = async () => {
    const { Plaintext } = await client.send(new GenerateRandomCommand({ NumberOfBytes: NUMBER_OF_BYTES }))
    return Plaintext ?? new Uint8Array()
  }
  if (kind === 'plain') return async () => plain
  const agent = agentFor(dependencies)
  return () => bareCall(client, plain, agent)
}

function agentFor({ region, dial, trustAnchors = [] }: Dependencies): https.Agent {
  return new EnclaveAgent({ host: kmsHost(region), dial, trustAnchors })
}

/** The request as the client signs it, again and again: a signature is good for some minutes. */
async function bareCall(client: KMSClient, plain: Call, agent: https.Agent): Promise<Call> {
  let signed: {
    readonly hostname: string
    readonly headers: Record<string, string>
    readonly body: Uint8Array
  }
  client.middlewareStack.add(
    (next) => (args) => {
      signed = args.request as typeof signed
      return next(args)
    },
    { name: 'signed', step: 'deserialize', priority: 'low', override: true },
  )
  await plain()
  return () =>
    new Promise((resolve, reject) => {
      const { hostname, headers, body } = signed
      const request = https.request({ agent, hostname, headers, method: 'POST', path: '/' }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const { Plaintext } = JSON.parse(Buffer.concat(chunks).toString())
          resolve(Buffer.from(Plaintext, 'base64'))
        })
        response.on('error', reject)
      })
      request.on('error', reject)
      request.end(body)
    })
}

async function measure(call: Call, order: Order): Promise<Taken> {
  const begin = { time: performance.now(), cpu: process.cpuUsage() }
  await (order.pace === undefined ? closedLoop(call, order) : inBursts(call, order, order.pace))
  return {
    duration: performance.now() - begin.time,
    cpu: cpuSince(begin.cpu) / order.calls,
    residentMemory: process.memoryUsage.rss(),
  }
}

/** As soon as one has ended, the next begins. */
async function closedLoop(call: Call, { calls, inFlight }: Order): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next++ < calls) await checked(call)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}

async function inBursts(call: Call, { calls, inFlight }: Order, pace: number): Promise<void> {
  for (let begun = 0; begun < calls; begun += inFlight) {
    const time = sleep(pace * inFlight)
    await Promise.all(Array.from({ length: Math.min(inFlight, calls - begun) }, () => checked(call)))
    await time
  }
}

async function checked(call: Call): Promise<void> {
  const { length } = await call()
  if (length !== NUMBER_OF_BYTES) throw new Error(`${length} bytes`)
}

function cpuSince(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1000
}

/** What no way of opening an answer can do without: one RSA-2048 unwrapping of a content key. */
async function unwrapping(): Promise<Call> {
  const oaep = { name: 'RSA-OAEP' }
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey(
    { ...oaep, hash: 'SHA-256', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
    false,
    ['encrypt', 'decrypt'],
  )
  const wrapped = await webcrypto.subtle.encrypt(oaep, publicKey, new Uint8Array(NUMBER_OF_BYTES))
  return async () => new Uint8Array(await webcrypto.subtle.decrypt(oaep, privateKey, wrapped))
}

const [, , file, kind] = process.argv
const call = await prepare(kind as Kind, dependenciesFrom(String(file)))
process.on('message', async (order: Order) => process.send?.(await measure(await call(), order)))
process.on('disconnect', () => process.exit())
process.send?.('ready')
