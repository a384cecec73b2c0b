/**
 * What the time of openEnvelopedData says about how an envelope failed: the ways to fail in random turns, and the
 * medians of their times beside the smallest. An attacker who can tell them apart has a padding oracle.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { rsaKeyPair, seal } from '../../enclave/kms/support.js'
import { median, type Result, result } from '../result.js'

/** Of each way to fail. */
const RUNS = 10_000
/** Different envelopes of each way, so that none is found in a cache that others are not in. */
const SAMPLES = 64
const LENGTH = 32

/** `bytes` fails when `length` bytes are asked for. */
interface Failing {
  readonly bytes: Uint8Array
  readonly length: number
}

export async function benchEnvelope(built: URL): Promise<readonly Result[]> {
  const { openEnvelopedData } = (await import(
    new URL('enclave/kms/enveloped-data.js', built).href
  )) as typeof import('../../../enclave/kms/enveloped-data.js')
  const key = await rsaKeyPair()
  const other = await rsaKeyPair()
  const ways: Readonly<Record<string, () => Promise<Failing>>> = {
    'bad padding': async () => {
      const padded = randomBytes(LENGTH + 16)
      padded[padded.length - 1] = randomInt(17, 256)
      return { bytes: await seal(new Uint8Array(0), key.publicKey, { padded }), length: LENGTH }
    },
    'failed unwrap': async () => {
      const bytes = await seal(randomBytes(LENGTH), key.publicKey, {
        change: (parts) => {
          // Below the modulus, so that RSA computes and OAEP refuses.
          const content = randomBytes(256).fill(0, 0, 1)
          parts.encryptedKey = { ...parts.encryptedKey, content }
        },
      })
      return { bytes, length: LENGTH }
    },
    'wrong length': async () => ({
      bytes: await seal(randomBytes(LENGTH), key.publicKey),
      length: LENGTH - 1,
    }),
    "another's key": async () => ({
      bytes: await seal(randomBytes(LENGTH), other.publicKey),
      length: LENGTH,
    }),
    'a content key of 16 bytes': async () => ({
      bytes: await seal(randomBytes(LENGTH), key.publicKey, { contentKey: randomBytes(16) }),
      length: LENGTH,
    }),
    'malformed near its end': async () => {
      const sealed = Buffer.from(await seal(randomBytes(LENGTH), key.publicKey))
      // The tag of the ciphertext.
      sealed[sealed.length - LENGTH - 16 - 2] = 0x05
      return { bytes: sealed, length: LENGTH }
    },
    'random bytes': async () => ({ bytes: randomBytes(500), length: LENGTH }),
  }
  const names = Object.keys(ways)
  const samples = await Promise.all(
    Object.values(ways).map((make) => Promise.all(Array.from({ length: SAMPLES }, make))),
  )
  const times: number[][] = names.map(() => [])
  const open = async (way: number): Promise<number> => {
    const failing = samples[way]?.[randomInt(SAMPLES)]
    if (failing === undefined) throw new Error('no such way to fail')
    const { bytes, length } = failing
    const from = process.hrtime.bigint()
    const opened = await openEnvelopedData(bytes, key.privateKey, { length }).catch(() => undefined)
    const taken = Number(process.hrtime.bigint() - from) / 1000
    if (opened !== undefined) throw new Error(`an envelope with ${names[way]} was opened`)
    return taken
  }
  for (let run = 0; run < 500; run++) await open(run % names.length)
  for (const way of shuffled(names.flatMap((_, way) => Array<number>(RUNS).fill(way)))) {
    times[way]?.push(await open(way))
  }
  const medians = times.map(median)
  const least = Math.min(...medians)
  const greatest = Math.max(...medians) / least
  process.stdout.write(
    `envelope: ${RUNS} runs each; the greatest median is ${greatest.toFixed(4)} times the least\n`,
  )
  return [
    ...names.map((name, way) =>
      result(
        `envelope, time to fail: ${name}`,
        'µs',
        medians[way] ?? Number.NaN,
        { 'the least median': least },
        times[way],
      ),
    ),
    result('envelope, greatest median over least', 'times', greatest, { 'the goal': 1.05 }),
  ]
}

/** Fisher and Yates. */
function shuffled(items: number[]): readonly number[] {
  for (let last = items.length - 1; last > 0; last--) {
    const chosen = randomInt(last + 1)
    const item = items[last] ?? 0
    items[last] = items[chosen] ?? 0
    items[chosen] = item
  }
  return items
}
