/** `make bench`: ratios against a peer in the same run; absolute numbers depend on the machine. */
import type { simulate as Simulate } from '../../simulator/index.js'
import { benchGenerateRandom } from './generate-random.js'
import { report } from './result.js'

// The built simulator: its processes are JavaScript files.
const built = new URL('../../dist/simulator/index.js', import.meta.url)
const { simulate }: { simulate: typeof Simulate } = await import(built.href)

const policy = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: 'kms:GenerateRandom', Resource: '*' },
}
const simulation = await simulate({ policy })
try {
  report(await benchGenerateRandom(simulation))
} finally {
  await simulation.close()
}
