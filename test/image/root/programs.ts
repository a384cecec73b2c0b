/** Checks by somebody else's code: skipped, and named in the report, where the program is not installed. */
import { spawnSync } from 'node:child_process'
import { describe, it } from 'vitest'

export function withProgram(program: string, args: readonly string[], name: string, suite: () => void): void {
  if (spawnSync(program, args).status === 0) {
    describe(name, suite)
  } else {
    describe.skip(`${name} (skipped: no ${program})`, () => {
      it(`needs ${program}`, () => undefined)
    })
  }
}
