/** `make bench`: ratios against a peer in the same run; absolute numbers depend on the machine. */

import { describe, outcomeOf } from '../../debian/outcome.js'
import type { simulate as Simulate } from '../../simulator/index.js'
import { benchInGuest } from '../vm/bench.js'
import { benchGenerateRandom } from './generate-random.js'
import { type Result, report } from './result.js'

// The built simulator: its processes are JavaScript files.
const built = new URL('../../dist/simulator/index.js', import.meta.url)
const { simulate }: { simulate: typeof Simulate } = await import(built.href)

const policy = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: 'kms:GenerateRandom', Resource: '*' },
}
const results: Result[] = []
const simulation = await simulate({ policy })
try {
  results.push(...(await benchGenerateRandom(simulation)))
} finally {
  await simulation.close()
}
// AF_VSOCK is a guest's affair, where a guest can be had.
const outcome = await outcomeOf(async () => void results.push(...(await benchInGuest())))
report(results)
process.stdout.write(`AF_VSOCK in a guest: ${describe(outcome)}\n`)
if (outcome.kind === 'failed') process.exitCode = 1
