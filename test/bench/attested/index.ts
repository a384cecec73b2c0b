/**
 * Attested calls, as an enclave's bundle makes them: what they take of its process beside the same client without
 * Recipient, and beside node:https alone; and how long it takes from the start of the process to the first one's answer.
 * The same connections through the same proxy to the same KMS for all, in turns; others may use this machine, too: what
 * counts is CPU time, and of all rounds the median.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleEnclave } from '../../../reference-image/bundle.js'
import { median, type Result, result } from '../result.js'
import type { Kind, Order, Taken } from './calls.js'
import { ENVIRONMENT } from './environment.js'
import { setStage } from './stage.js'
import { benchFirstByte } from './starts.js'

const ROUNDS = 7
const CALLS = 200
/** Of the time that an attested call takes at full speed. */
const SLACK = 1.25
const IN_FLIGHT = [1, 10, 100]
const KINDS = ['attested', 'plain', 'https', 'unwrap'] as const
const PEERS = { plain: 'without Recipient', https: 'node:https, the request signed before' } as const

interface Caller {
  measure(order: Order): Promise<Taken>
  end(): void
}

export async function benchAttested(built: URL): Promise<readonly Result[]> {
  const stage = await setStage(built)
  const started: Caller[] = []
  try {
    const file = join(stage.folder, 'surroundings.json')
    writeFileSync(file, JSON.stringify(stage.surroundings), { mode: 0o600 })
    const [firstByte, calls] = await Promise.all(
      ['first-byte', 'calls'].map(async (name) => {
        const bundle = join(stage.folder, `${name}.mjs`)
        await bundleEnclave(bundle, fileURLToPath(new URL(`${name}.ts`, import.meta.url)))
        return bundle
      }),
    )
    const starts = await benchFirstByte(String(firstByte), file)
    const callers: [Kind, Caller][] = []
    for (const kind of KINDS) {
      const caller = await startCaller(String(calls), file, kind)
      started.push(caller)
      callers.push([kind, caller])
    }
    return [...starts, ...(await benchCalls(Object.fromEntries(callers) as Callers))]
  } finally {
    for (const caller of started) caller.end()
    await stage.close()
  }
}

async function startCaller(bundle: string, file: string, kind: Kind): Promise<Caller> {
  const child = fork(bundle, [file, kind], { stdio: ['ignore', 2, 2, 'ipc'], env: ENVIRONMENT })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the process for ${kind} calls ended`)
  })
  ended.catch(() => undefined)
  const answer = async (): Promise<unknown> => {
    const [message] = await Promise.race([once(child, 'message'), ended])
    return message
  }
  await answer()
  return {
    measure: async (order) => {
      child.send(order)
      return (await answer()) as Taken
    },
    end: () => void (child.connected && child.disconnect()),
  }
}

type Callers = Readonly<Record<Kind, Caller>>

/** As fast as it goes; and at one pace for all. */
interface Round {
  readonly fast: Readonly<Record<Kind, Taken>>
  readonly paced: Readonly<Record<Kind, Taken>>
}

async function benchCalls(callers: Callers): Promise<readonly Result[]> {
  for (let i = 0; i < 3; i++) {
    for (const kind of KINDS) await callers[kind].measure({ calls: 2 * CALLS, inFlight: 20 })
  }
  const results: Result[] = []
  for (const inFlight of IN_FLIGHT) {
    const rounds: Round[] = []
    for (let round = 1; round <= ROUNDS; round++) {
      process.stdout.write(`calls, in flight: ${inFlight}, round ${round} of ${ROUNDS}\n`)
      rounds.push(await measureRound(callers, { calls: CALLS, inFlight }))
    }
    results.push(...resultsOf(rounds, inFlight))
  }
  return results
}

/**
 * KMS works longer on an attested call, and a process that waits longer finds its processor's caches colder: so CPU
 * time is compared at a pace that all can keep.
 */
async function measureRound(callers: Callers, order: Order): Promise<Round> {
  const all = async (order: Order): Promise<Record<Kind, Taken>> => {
    const taken: [Kind, Taken][] = []
    for (const kind of KINDS) taken.push([kind, await callers[kind].measure(order)])
    return Object.fromEntries(taken) as Record<Kind, Taken>
  }
  const fast = await all(order)
  const paced = await all({ ...order, pace: (SLACK * fast.attested.duration) / order.calls })
  return { fast, paced }
}

function resultsOf(rounds: readonly Round[], inFlight: number): readonly Result[] {
  const compared = (what: string, unit: string, value: (round: Round, kind: Kind) => number): Result => {
    const of = (kind: Kind): number => median(rounds.map((round) => value(round, kind)))
    const peers = { [PEERS.plain]: of('plain'), [PEERS.https]: of('https') }
    const ours = rounds.map((round) => value(round, 'attested'))
    return result(`attested GenerateRandom, ${what}, in flight: ${inFlight}`, unit, median(ours), peers, ours)
  }
  // Each round by itself: what slows a machine down slows all that is measured within seconds.
  const added = rounds.map(({ paced }) => paced.attested.cpu - paced.plain.cpu)
  const unwraps = {
    'one RSA-2048 unwrap, in a row': median(rounds.map(({ fast }) => fast.unwrap.cpu)),
    'one at that pace': median(rounds.map(({ paced }) => paced.unwrap.cpu)),
  }
  return [
    compared('rate', 'calls/s', ({ fast }, kind) => (1000 * CALLS) / fast[kind].duration),
    compared('CPU', 'ms/call', ({ paced }, kind) => paced[kind].cpu),
    compared('resident memory', 'MiB', ({ fast }, kind) => fast[kind].residentMemory / 2 ** 20),
    result(
      `attested GenerateRandom, CPU added, in flight: ${inFlight}`,
      'ms/call',
      median(added),
      unwraps,
      added,
    ),
  ]
}
