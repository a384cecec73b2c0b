import { afterAll, beforeAll, describe } from 'vitest'
import { type Bench, benchOn, type Rig } from './vsock-conformance-bench.js'
import { connecting } from './vsock-conformance-connecting.js'
import { limits } from './vsock-conformance-limits.js'
import { listening } from './vsock-conformance-listening.js'
import { protocols } from './vsock-conformance-protocols.js'
import { streams } from './vsock-conformance-streams.js'
import { backlog, threads } from './vsock-conformance-threads.js'

export type { Rig } from './vsock-conformance-bench.js'

export interface VsockConformanceOptions {
  /** A file that Node runs as it is, with vsock-conformance-worker.ts in it. */
  readonly worker: URL
  /** Connections at once, both ends in this process: it needs four descriptors for each. Default 3,000. */
  readonly crowd?: number
  /** Connections stand before anybody has accepted them, in the kernel's backlog. Default false. */
  readonly queues?: boolean
}

/** What every transport must do under connect() and listen(). The tests share one rig, and no port. */
export function vsockConformance(
  make: () => Rig | Promise<Rig>,
  { worker, crowd = 3_000, queues = false }: VsockConformanceOptions,
): void {
  const made: { bench?: Bench } = {}
  beforeAll(async () => {
    made.bench = benchOn(await make())
  })
  afterAll(() => made.bench?.rig.close?.())
  const bench = (): Bench => {
    if (made.bench === undefined) throw new Error('only within a test')
    return made.bench
  }
  describe('streams', () => streams(bench))
  describe('connecting', () => connecting(bench, crowd))
  describe('limits', () => limits(bench))
  describe('listening', () => listening(bench))
  describe('protocols', () => protocols(bench))
  describe('threads', () => threads(bench, worker))
  if (queues) describe('backlog', () => backlog(bench, worker, crowd))
}
