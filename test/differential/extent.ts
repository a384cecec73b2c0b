/** How much is compared: a fixed selection in every run of the tests, thousands with DIFFERENTIAL=n (`make differential`). */

const factor = Number(process.env.DIFFERENTIAL ?? 1)
if (!(factor >= 1))
  throw new RangeError('DIFFERENTIAL is how many times the usual number of cases are compared')

/** The seed of everything that is chosen at random; another one with another extent. */
export const SEED = factor

export function scaled(cases: number): number {
  return Math.round(cases * factor)
}

/** Milliseconds for a test that takes up to `usual`. */
export function timeout(usual: number): number {
  return usual * factor
}
