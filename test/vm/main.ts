/** `make test-vm`: the tests that need real kernels. Without arguments both tiers, else `--tier 1` or `--tier 2`. */
import { parseArgs } from 'node:util'
import { onEveryWayOut } from './cleanup.js'
import { describe, type Outcome, outcomeOf } from './outcome.js'
import { requirePlatform } from './platform.js'
import { bundled, programOf } from './programs.js'
import { say } from './steps.js'
import { tier1 } from './tier1.js'
import { tier2 } from './tier2.js'

const tiers: Readonly<Record<string, () => Promise<void>>> = {
  1: async () => tier1(await programOf('transport')),
  2: async () => {
    const enclave = await programOf('nsm', { NITRO_VM_PEERS: 'parent,host' })
    await tier2({ enclave, parent: await programOf('parent'), host: await bundled('hybrid-host') })
  },
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
