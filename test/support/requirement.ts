import { describe, it } from 'vitest'

/** A `describe` for tests that need something of this machine: skipped by name where it is missing, failing in CI. */
export function suiteWith(present: boolean, what: string, name: string, suite: () => void): void {
  if (present) {
    describe(name, suite)
  } else if (process.env.CI === 'true') {
    it(name, () => {
      throw new Error(`${what} missing`)
    })
  } else {
    describe.skip(`${name} (skipped: no ${what})`, () => {
      it(`needs ${what}`, () => undefined)
    })
  }
}
