/** The time that an image says it was built at: never the clock's, so that equal inputs give equal files. */
import { UsageError } from '../shared/errors.js'

/** ISO 8601 has four digits for a year. */
const LAST = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * `2026-03-01T12:00:00Z`: of `given`, else of SOURCE_DATE_EPOCH (reproducible-builds.org, "SOURCE_DATE_EPOCH
 * specification", seconds), else of 1970. Throws UsageError ERR_USAGE.
 */
export function buildTimeText(given: Date | undefined, environment: NodeJS.ProcessEnv): string {
  const time = given?.getTime() ?? sourceDateEpoch(environment.SOURCE_DATE_EPOCH) ?? 0
  if (!(time >= 0 && time <= LAST)) {
    throw new UsageError('ERR_USAGE', 'the build time must be between the years 1970 and 9999')
  }
  return new Date(time).toISOString().replace('.000Z', 'Z')
}

/** Milliseconds. */
function sourceDateEpoch(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,12}$/.test(text)) {
    throw new UsageError('ERR_USAGE', 'SOURCE_DATE_EPOCH must be a number of seconds since 1970, in digits')
  }
  return Number(text) * 1000
}
