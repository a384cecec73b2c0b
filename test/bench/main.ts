/**
 * `make bench`: ratios against a peer in the same run; absolute numbers depend on the machine. All parts, or those that
 * ARGS names: attested, vsock, proxy, verifier, envelope.
 */
import { describe, outcomeOf } from '../../debian/outcome.js'
import { benchInGuest } from '../vm/bench.js'
import { benchAttested } from './attested/index.js'
import { benchEnvelope } from './envelope/index.js'
import { benchProxy } from './proxy/index.js'
import { type Result, report } from './result.js'
import { benchVerifier } from './verifier/index.js'

// The built product: its processes are JavaScript files.
const built = new URL('../../dist/', import.meta.url)

const parts: Readonly<Record<string, () => Promise<readonly Result[]>>> = {
  attested: () => benchAttested(built),
  // AF_VSOCK is a guest's affair, where a guest can be had.
  vsock: benchInGuest,
  proxy: () => benchProxy(built),
  verifier: () => benchVerifier(built),
  envelope: () => benchEnvelope(built),
}

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !(name in parts))
if (unknown !== undefined) {
  process.stderr.write(`no such part: ${unknown}; there are ${Object.keys(parts).join(', ')}\n`)
  process.exit(2)
}

const results: Result[] = []
const outcomes: string[] = []
for (const [name, bench] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const outcome = await outcomeOf(async () => void results.push(...(await bench())))
  outcomes.push(`${name}: ${describe(outcome)}\n`)
  if (outcome.kind === 'failed') process.exitCode = 1
}
report(results)
for (const outcome of outcomes) process.stdout.write(outcome)
