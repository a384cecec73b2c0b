/** Lengths of time as people write them: `250ms`, `10s`, `5m`, `1h`, or a number whose unit the option names. */

const MILLISECONDS = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** Milliseconds, 24.8 days: the longest that a timer of Node waits. */
export const MAX_DURATION = 2 ** 31 - 1

/** Milliseconds from 0 to MAX_DURATION, undefined for anything else. A number without a unit counts in `bare`. */
export const parseDuration = (value: unknown, bare: 'ms' | 's'): number | undefined => {
  const text = typeof value === 'number' ? `${value}${bare}` : value === '0' ? '0ms' : value
  const [, digits, unit = ''] = typeof text === 'string' ? (/^(\d{1,10})([a-z]+)$/.exec(text) ?? []) : []
  const milliseconds = Number(digits) * (MILLISECONDS.get(unit) ?? Number.NaN)
  return milliseconds <= MAX_DURATION ? milliseconds : undefined
}
