import { spawnSync } from 'node:child_process'
import { suiteWith } from '../../support/requirement.js'

/** Checks by somebody else's code. */
export function withProgram(program: string, args: readonly string[], name: string, suite: () => void): void {
  suiteWith(spawnSync(program, args).status === 0, program, name, suite)
}
