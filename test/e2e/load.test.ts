import { expect, it } from 'vitest'
import { startSimulation } from '../support/simulation.js'

/** Bytes of live heap that 800 more calls may leave: caches and counters, no call's own data. */
const FLAT = 4 * 1024 * 1024

it('answers 1,000 attested calls, 50 at a time, all distinct, with flat memory', {
  timeout: 120_000,
}, async () => {
  const simulation = await startSimulation({ enclaveExecArgv: ['--expose-gc'] })
  const warm = await simulation.load({ calls: 200, inFlight: 50, attested: true })
  const rest = await simulation.load({ calls: 800, inFlight: 50, attested: true })
  const answers = new Set([...warm.answers, ...rest.answers])
  expect(answers.size).toBe(1000)
  expect([...answers].filter((answer) => answer.length !== 64)).toEqual([])
  expect(rest.heap - warm.heap).toBeLessThan(FLAT)
})
