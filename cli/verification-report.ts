/** Every check of a verification, for a person. */
import type { Check } from '../shared/attestation/index.js'
import { withoutControls } from '../shared/printable.js'

const VERDICTS: Readonly<Record<Check['verdict'], string>> = {
  passed: 'passed',
  failed: 'FAILED',
  'not reached': 'not reached',
}

/** A line for each; of one that failed, what was expected and what was found below it. */
export function checksReport(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ verdict }) => VERDICTS[verdict].length))
  const names = Math.max(...checks.map(({ name }) => name.length))
  return checks
    .flatMap((check) => {
      const { name, verdict, expected, actual = '', hint } = check
      const start = `  ${VERDICTS[verdict].padEnd(width)}  ${name.padEnd(names)}  `
      if (verdict === 'passed') return [start + (GROUND.includes(name) ? expected : actual)]
      if (verdict === 'not reached') return [`${start}expected: ${expected}`]
      const below = ' '.repeat(start.length)
      // Of several values each has its line.
      const [first = '', ...others] = expected.split(' or ')
      const found = [`${start}expected: ${first}`, ...others.map((value) => `${below}      or: ${value}`)]
      found.push(`${below}   found: ${actual}`)
      return hint === undefined ? found : [...found, `${below}    hint: ${hint}`]
    })
    .map((line) => withoutControls(line).trimEnd())
    .join('\n')
}

/** What they find is what they expect. */
const GROUND: readonly string[] = ['form', 'certificate path', 'signature']
