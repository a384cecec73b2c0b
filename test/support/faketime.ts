/** A process with another clock, by Debian's faketime: for verifiers that know no time but the clock's. */
import { spawnSync } from 'node:child_process'

export const faketimePresent: boolean = spawnSync('faketime', ['--version']).status === 0

/** Timers and durations stay real, and so does what a process measures of itself. */
export const FAKETIME_ENVIRONMENT = { TZ: 'UTC', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' }

/** `command` under a clock that stands still at `time`, to the second; with FAKETIME_ENVIRONMENT. */
export function underFakeTime(time: Date, command: readonly string[]): readonly string[] {
  const second = time.toISOString().slice(0, 19).replace('T', ' ')
  return ['faketime', '-f', second, ...command]
}
