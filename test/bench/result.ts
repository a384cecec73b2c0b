/** The form of every benchmark: ours beside its peers, measured in one run, and their ratios. */
import { mkdirSync, writeFileSync } from 'node:fs'

export interface Result {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly peers: Readonly<Record<string, number>>
  /** Ours divided by each peer. */
  readonly ratio: Readonly<Record<string, number>>
}

export function result(
  name: string,
  unit: string,
  ours: number,
  peers: Readonly<Record<string, number>>,
): Result {
  const ratio = Object.fromEntries(
    Object.entries(peers).map(([peer, value]) => [peer, rounded(ours / value)]),
  )
  const roundedPeers = Object.fromEntries(
    Object.entries(peers).map(([peer, value]) => [peer, rounded(value)]),
  )
  return { name, unit, ours: rounded(ours), peers: roundedPeers, ratio }
}

export function report(results: readonly Result[]): void {
  for (const { name, unit, ours, peers, ratio } of results) {
    const beside = Object.entries(peers).map(([peer, value]) => `${peer} ${value} (ratio ${ratio[peer]})`)
    process.stdout.write(`${name}: ${ours} ${unit}${beside.length > 0 ? `; ${beside.join(', ')}` : ''}\n`)
  }
  mkdirSync('build', { recursive: true })
  writeFileSync('build/bench.json', `${JSON.stringify(results, null, 2)}\n`)
  process.stdout.write('written to build/bench.json\n')
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
