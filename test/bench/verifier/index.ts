/**
 * Documents that one core verifies in a second: ours on node:crypto and on WebCrypto, from nothing and with a known
 * chain, beside two verifiers made in Rust and beside the signatures alone. All verify the same document, which AWS's
 * hardware signed, in turns; what counts is the processor's time, and of all rounds the median.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Skipped } from '../../../debian/outcome.js'
import { attestationCases } from '../../support/attestations.js'
import { FAKETIME_ENVIRONMENT, faketimePresent, underFakeTime } from '../../support/faketime.js'
import { vectorsDir } from '../../support/vectors.js'
import { median, type Result, result } from '../result.js'
import { KINDS, type Kind, type Taken } from './kinds.js'

const ROUNDS = 31
/** Documents a round, so that each takes a tenth of a second or so: in short turns, all see the same neighbours. */
const DOCUMENTS: Readonly<Record<Kind, number>> = {
  node: 30,
  'node, known chain': 150,
  web: 30,
  'web, known chain': 150,
  floor: 30,
  'floor, known chain': 150,
  napi: 30,
  wasm: 5,
}
/** They know no other clock than the process's. */
const PEERS: Readonly<Partial<Record<Kind, string>>> = {
  napi: '@evervault/attestation-bindings',
  wasm: '@evervault/wasm-attestation-bindings',
}

interface Verifier {
  measure(documents: number): Promise<Taken>
  end(): void
}

export async function benchVerifier(built: URL): Promise<readonly Result[]> {
  if (vectorsDir === undefined) throw new Skipped('no document that hardware signed (VECTORS_DIR)')
  if (!faketimePresent) throw new Skipped('no faketime, which the peers need')
  const genuine = attestationCases(vectorsDir, 'real').findLast((one) => one.userDataLength === null)
  if (genuine === undefined) throw new Skipped('no document that all of them accept')
  const folder = mkdtempSync(join(tmpdir(), 'bench-verifier-'))
  const file = join(folder, 'document.bin')
  copyFileSync(join(vectorsDir, 'attestation', genuine.file), file)
  copyFileSync(join(vectorsDir, 'certs/aws-nitro-root-g1.der'), join(folder, 'root.der'))
  const verifiers = new Map<Kind, Verifier>()
  try {
    for (const kind of KINDS) verifiers.set(kind, await start(kind, file, genuine.time, built))
    return resultsOf(await measureRounds(verifiers))
  } finally {
    for (const verifier of verifiers.values()) verifier.end()
    rmSync(folder, { recursive: true })
  }
}

async function start(kind: Kind, file: string, time: string, built: URL): Promise<Verifier> {
  const source = fileURLToPath(new URL('child.ts', import.meta.url))
  const node = [process.execPath, '--import', 'tsx', source, kind, file, time, built.href]
  const [command = '', ...args] = pinned(kind in PEERS ? underFakeTime(new Date(time), node) : node)
  const child = spawn(command, args, {
    // The one by N-API writes a line for each document.
    stdio: ['ignore', 2, kind === 'napi' ? 'ignore' : 2, 'ipc'],
    env: { ...process.env, ...FAKETIME_ENVIRONMENT },
  })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the process of ${kind} ended`)
  })
  ended.catch(() => undefined)
  const answer = async (): Promise<unknown> => {
    const [message] = await Promise.race([once(child, 'message'), ended])
    return message
  }
  await answer()
  return {
    measure: async (documents) => {
      const from = performance.now()
      child.send({ documents })
      const taken = (await answer()) as Taken
      checkClock(kind, taken, (performance.now() - from) / 1000)
      return taken
    },
    end: () => void (child.connected && child.disconnect()),
  }
}

/**
 * A clock that was set may also stand still, or run at another pace: what a process says it took is held against this
 * one's clock, by which it must take less, and on a busy machine may take much less.
 */
function checkClock(kind: Kind, { wall }: Taken, seen: number): void {
  if (wall > seen || wall < seen / 2 - 0.1) {
    throw new Error(`${kind} says ${wall} s of what took ${seen} s: its clock is wrong`)
  }
}

/** To one core, where that can be said: whoever uses several threads gains nothing by it. */
function pinned(command: readonly string[]): readonly string[] {
  return spawnSync('taskset', ['--version']).status === 0
    ? ['taskset', '--cpu-list', '0', ...command]
    : command
}

type Rates = Readonly<Record<Kind, readonly number[]>>

async function measureRounds(verifiers: ReadonlyMap<Kind, Verifier>): Promise<Rates> {
  const rates = Object.fromEntries(KINDS.map((kind) => [kind, [] as number[]])) as Record<Kind, number[]>
  for (const [kind, { measure }] of verifiers) await measure(10 * DOCUMENTS[kind])
  for (let round = 1; round <= ROUNDS; round++) {
    process.stdout.write(`verifiers, round ${round} of ${ROUNDS}\n`)
    for (const [kind, { measure }] of verifiers) {
      rates[kind].push(DOCUMENTS[kind] / (await measure(DOCUMENTS[kind])).cpu)
    }
  }
  return rates
}

function resultsOf(rates: Rates): readonly Result[] {
  const compared = (name: string, kind: Kind, floor: Kind, floorName: string): Result => {
    const peers = Object.entries(PEERS).map(([peer, label]) => [label, median(rates[peer as Kind])])
    return result(
      `attestation documents, ${name}`,
      'documents/s',
      median(rates[kind]),
      { [floorName]: median(rates[floor]), ...Object.fromEntries(peers) },
      rates[kind],
    )
  }
  const five = 'five verifications and four key imports alone'
  const one = 'one verification alone'
  return [
    compared('full verification, node:crypto', 'node', 'floor', five),
    compared('full verification, WebCrypto', 'web', 'floor', five),
    compared('known chain, node:crypto', 'node, known chain', 'floor, known chain', one),
    compared('known chain, WebCrypto', 'web, known chain', 'floor, known chain', one),
  ]
}
