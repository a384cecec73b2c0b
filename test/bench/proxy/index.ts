/**
 * The parent's proxy beside other relays, all on loopback TCP, under the same load in turns. What counts is the CPU
 * time of a relay, all its threads and children, on one machine in one run. The load needs less of it than any relay
 * (about 0.1 s/GB without one).
 */
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { onEveryWayOut, removeFolder, temporaryFolder } from '../../../debian/cleanup.js'
import { median, type Result, result } from '../result.js'
import { type Load, startLoad } from './load.js'
import { cpuSince, cpuTimes, memoryOf } from './process-usage.js'
import { compile, freePort, MAX_CONNECTIONS, type Relay, startRelays } from './relays.js'

const ROUNDS = 5
const BYTES = 2e9
const CONNECTIONS = [1, 100, MAX_CONNECTIONS]
const STANDING = 100
const DIRECT = 'direct'

/** What was measured, by name: of each relay a value a round. */
type Samples = Map<string, { readonly unit: string; readonly values: Map<string, number[]> }>

interface Bench {
  readonly load: Load
  readonly direct: number
  readonly add: (name: string, unit: string, relay: string, value: number) => void
}

/** @throws Skipped without a C compiler */
export async function benchProxy(built: URL): Promise<readonly Result[]> {
  onEveryWayOut()
  const folder = temporaryFolder(tmpdir(), 'bench-')
  const direct = await freePort()
  let load: Load | undefined
  let relays: readonly Relay[] = []
  try {
    load = startLoad(compile('load', folder), direct)
    relays = await startRelays(folder, built, direct)
    const samples: Samples = new Map()
    const bench = { load, direct, add: adder(samples) }
    // First: memory that was once taken is often kept.
    for (const relay of relays) await measureMemory(bench, relay)
    for (const relay of relays) await warmUp(bench, relay)
    for (let round = 1; round <= ROUNDS; round++) {
      process.stdout.write(`relays, round ${round} of ${ROUNDS}\n`)
      for (const relay of relays) {
        for (const connections of CONNECTIONS) await measureBulk(bench, relay, connections)
        await measureLatency(bench, relay)
        await measureConnecting(bench, relay)
      }
    }
    return results(samples)
  } finally {
    for (const relay of relays) await relay.stop()
    await load?.stop()
    removeFolder(folder)
  }
}

function adder(samples: Samples): Bench['add'] {
  return (name, unit, relay, value) => {
    const entry = samples.get(name) ?? { unit, values: new Map() }
    samples.set(name, entry)
    entry.values.set(relay, [...(entry.values.get(relay) ?? []), value])
  }
}

/** A connection that has carried one request, and now stands: what the process has in memory; the kernel's is not in it. */
async function measureMemory({ load, add }: Bench, { name, port, pid }: Relay): Promise<void> {
  await load.open(port, STANDING)
  await load.echo(STANDING, 1)
  await load.close()
  await sleep(1000)
  const before = memoryOf(pid)
  await load.open(port, MAX_CONNECTIONS)
  await load.echo(MAX_CONNECTIONS, 1)
  await sleep(1000)
  const taken = (memoryOf(pid) - before) / MAX_CONNECTIONS
  await load.close()
  add('relay, memory of a standing connection', 'KiB', name, taken)
  add('relay, memory of the process without connections', 'MiB', name, before / 1024)
}

async function warmUp({ load }: Bench, { port }: Relay): Promise<void> {
  await load.open(port, STANDING)
  await load.echo(5000, 10)
  await load.bulk('both', BYTES / 4)
  await load.close()
}

async function measureBulk({ load, add }: Bench, relay: Relay, connections: number): Promise<void> {
  await load.open(relay.port, connections)
  for (const direction of ['down', 'both'] as const) {
    const before = cpuTimes(relay.pid)
    const seconds = await load.bulk(direction, direction === 'both' ? BYTES / 2 : BYTES)
    const cpu = cpuSince(relay.pid, before)
    const what = `${direction === 'both' ? 'both ways' : 'down'}, connections: ${connections}`
    add(`relay, CPU of a byte, ${what}`, 's/GB', relay.name, cpu / (BYTES / 1e9))
    add(`relay, rate, ${what}`, 'MB/s', relay.name, BYTES / 1e6 / seconds)
  }
  await load.close()
}

/** A request after the other, in short turns with the direct connection: others use this machine too. */
async function measureLatency({ load, direct, add }: Bench, { name, port, pid }: Relay): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await load.open(direct, STANDING)
    const without = await load.echo(2000, 1)
    await load.close()
    await load.open(port, STANDING)
    const through = await load.echo(2000, 1)
    await load.close()
    for (const percentile of ['p50', 'p99'] as const) {
      add(`relay, latency ${percentile}, 1 KiB there and back`, 'µs', name, through[percentile])
      add(`relay, latency ${percentile}, 1 KiB there and back`, 'µs', DIRECT, without[percentile])
      const added = through[percentile] - without[percentile]
      add(`relay, added latency ${percentile}, 1 KiB there and back`, 'µs', name, added)
    }
  }
  await load.open(port, STANDING)
  const before = cpuTimes(pid)
  const { seconds } = await load.echo(20_000, STANDING)
  add('relay, CPU of a request, 100 under way', 'µs', name, (cpuSince(pid, before) / 20_000) * 1e6)
  add('relay, requests, 100 under way', '1/s', name, 20_000 / seconds)
  const { p99 } = await load.echo(2000, 1, 'beside')
  add('relay, latency p99 beside a bulk transfer', 'µs', name, p99)
  await load.close()
}

async function measureConnecting({ load, add }: Bench, { name, port, pid }: Relay): Promise<void> {
  const count = name === 'socat' ? 500 : 4000
  const before = cpuTimes(pid)
  const seconds = await load.connect(port, count)
  add('relay, new connections with a request each', '1/s', name, count / seconds)
  // Its children take the account of their time with them.
  if (name === 'socat') return
  add('relay, CPU of a new connection with a request', 'µs', name, (cpuSince(pid, before) / count) * 1e6)
}

function results(samples: Samples): readonly Result[] {
  return [...samples].map(([name, { unit, values }]) => {
    const { ours = Number.NaN, ...peers } = Object.fromEntries(
      [...values].map(([relay, all]) => [relay, median(all)]),
    )
    return result(name, unit, ours, peers)
  })
}
