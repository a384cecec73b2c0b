/** Attested GenerateRandom beside the same client, host and TLS without Recipient, in turns in one simulation. */
import type { Simulation } from '../../simulator/index.js'
import { type Result, result } from './result.js'

const CALLS = 1000
const IN_FLIGHT = 50
const ROUNDS = 3
const PEER = 'without Recipient'

interface Sample {
  /** Calls a second. */
  readonly rate: number
  /** Milliseconds of the enclave process a call. */
  readonly cpu: number
}

export async function benchGenerateRandom(simulation: Simulation): Promise<readonly Result[]> {
  const samples = { attested: [] as Sample[], plain: [] as Sample[] }
  await measure(simulation, true, 100)
  await measure(simulation, false, 100)
  for (let round = 1; round <= ROUNDS; round++) {
    process.stdout.write(`round ${round} of ${ROUNDS}: ${CALLS} calls each, ${IN_FLIGHT} in flight\n`)
    samples.attested.push(await measure(simulation, true, CALLS))
    samples.plain.push(await measure(simulation, false, CALLS))
  }
  const rates = { ours: median(samples.attested, 'rate'), peer: median(samples.plain, 'rate') }
  const cpu = { ours: median(samples.attested, 'cpu'), peer: median(samples.plain, 'cpu') }
  return [
    result('attested GenerateRandom, rate', 'calls/s', rates.ours, { [PEER]: rates.peer }),
    // The simulated NSM's P-384 signature is in ours: on a Nitro instance the hardware makes it.
    result('attested GenerateRandom, CPU of the enclave process', 'ms/call', cpu.ours, { [PEER]: cpu.peer }),
  ]
}

async function measure(simulation: Simulation, attested: boolean, calls: number): Promise<Sample> {
  const { answers, duration, cpu } = await simulation.load({ calls, inFlight: IN_FLIGHT, attested })
  if (new Set(answers).size !== calls)
    throw new Error('not all calls were answered, or not all answers distinct')
  return { rate: (calls * 1000) / duration, cpu: cpu / calls }
}

function median(samples: readonly Sample[], key: keyof Sample): number {
  const sorted = samples.map((sample) => sample[key]).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
