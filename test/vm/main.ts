/** `make test-vm`: the tests that need real kernels. Without arguments every tier, else `--tier N`. */
import { parseArgs } from 'node:util'
import { onEveryWayOut } from '../../debian/cleanup.js'
import { describe, type Outcome, outcomeOf } from '../../debian/outcome.js'
import { requirePlatform } from '../../debian/platform.js'
import { say } from '../../debian/steps.js'
import { bundled, programOf } from './programs.js'
import { tier1 } from './tier1.js'
import { tier2 } from './tier2.js'
import { tier3 } from './tier3.js'

const tiers: Readonly<Record<string, () => Promise<void>>> = {
  1: async () => tier1(await programOf('transport')),
  2: async () => {
    const enclave = await programOf('nsm', { NITRO_VM_PEERS: 'parent,host' })
    await tier2({ enclave, parent: await programOf('parent'), host: await bundled('hybrid-host') })
  },
  3: tier3,
}

const { values } = parseArgs({ options: { tier: { type: 'string', multiple: true } } })
const chosen = [...new Set(values.tier ?? Object.keys(tiers))].sort()

onEveryWayOut()
const outcomes = new Map<string, Outcome>()
for (const name of chosen) {
  const run = tiers[name]
  if (run === undefined) throw new Error(`there is no tier ${name}`)
  say(`== tier ${name}`)
  const outcome = await outcomeOf(async () => {
    requirePlatform()
    await run()
  })
  outcomes.set(name, outcome)
}
for (const [name, outcome] of outcomes) say(`tier ${name}: ${describe(outcome)}`)
process.exitCode = [...outcomes.values()].some(({ kind }) => kind === 'failed') ? 1 : 0
