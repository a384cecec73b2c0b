/** The form of every benchmark: ours beside its peers, measured in one run, and their ratios. */
import { mkdirSync, writeFileSync } from 'node:fs'

export interface Result {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly peers: Readonly<Record<string, number>>
  /** Ours divided by each peer. */
  readonly ratio: Readonly<Record<string, number>>
  /** Ours in a quarter of the rounds is no more than the first, in a quarter no less than the second. */
  readonly quartiles?: readonly [number, number]
}

export function result(
  name: string,
  unit: string,
  ours: number,
  peers: Readonly<Record<string, number>>,
  rounds?: readonly number[],
): Result {
  const ratio = Object.fromEntries(
    Object.entries(peers).map(([peer, value]) => [peer, rounded(ours / value)]),
  )
  const roundedPeers = Object.fromEntries(
    Object.entries(peers).map(([peer, value]) => [peer, rounded(value)]),
  )
  return {
    name,
    unit,
    ours: rounded(ours),
    peers: roundedPeers,
    ratio,
    ...(rounds && { quartiles: [rounded(quantile(rounds, 1 / 4)), rounded(quantile(rounds, 3 / 4))] }),
  }
}

export function report(results: readonly Result[]): void {
  for (const { name, unit, ours, peers, ratio, quartiles } of results) {
    const beside = Object.entries(peers).map(([peer, value]) => `${peer} ${value} (ratio ${ratio[peer]})`)
    const spread = quartiles === undefined ? '' : ` (${quartiles.join(' to ')})`
    process.stdout.write(
      `${name}: ${ours} ${unit}${spread}${beside.length > 0 ? `; ${beside.join(', ')}` : ''}\n`,
    )
  }
  mkdirSync('build', { recursive: true })
  writeFileSync('build/bench.json', `${JSON.stringify(results, null, 2)}\n`)
  process.stdout.write('written to build/bench.json\n')
}

export function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 1 / 2)
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
