import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseConfig } from '../../../parent-proxy/config.js'
import { problems } from './support.js'

const SAMPLE = readFileSync('deploy/proxy.yaml', 'utf8').replace(/^ *#.*\n/gm, '')

/** Read, or refused in lines that each name a place in the text. */
const check = (text: string): void => {
  const lines = problems(text)
  expect(lines.length).toBeLessThanOrEqual(101)
  const height = text.split(/\r\n|\r|\n/).length
  for (const line of lines.slice(0, 100)) {
    const [, row, column] = /^proxy\.yaml:([0-9]+):([0-9]+): [^\p{C}]+$/u.exec(line) ?? []
    expect(row, line).toBeDefined()
    expect(Number(row)).toBeGreaterThan(0)
    expect(Number(row)).toBeLessThanOrEqual(height)
    expect(Number(column)).toBeGreaterThan(0)
  }
}

const word = fc.constantFrom(
  ...['listen', 'to', 'credentials', 'allowlist', 'listeners', 'dns', 'ttl', 'from', 'cid', 'source', 'imds'],
  ...['vsock:ANY:8000', 'unix:/d:8000', 'kms.test:443', '-1', '1e400', '0x10', '.nan', '~', 'true', '10s'],
  ...[
    '- ',
    ': ',
    ', ',
    '\n',
    '\n  ',
    '\n    ',
    '\t',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '|',
    '>',
    '#',
    ' #',
    '%',
    '?',
  ],
  ...[
    '&a ',
    '*a',
    '!!str ',
    '!x ',
    '<<',
    '---',
    '...',
    '__proto__',
    '\\',
    '\0',
    '\r',
    '\u2028',
    '\ufeff',
    '@',
    '`',
  ],
)
const yamlish = fc.oneof(
  { weight: 3, arbitrary: fc.array(word, { maxLength: 60 }).map((words) => words.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 100 }) },
)

it('takes the sample', () => {
  expect(parseConfig(SAMPLE, 'proxy.yaml').listeners.length).toBeGreaterThan(0)
})

it('refuses any text in lines', () => {
  fc.assert(fc.property(yamlish, check), { numRuns: 1500 })
})

it('refuses any value in any place in lines', () => {
  const key = fc.constantFrom(
    'allowlist',
    'listeners',
    'listen',
    'to',
    'dns',
    'log',
    'monitor',
    'from',
    'port',
    'x',
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(fc.string(), fc.double(), fc.integer(), fc.boolean(), fc.constant(null), word),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6 }),
    ),
  }))
  // JSON is YAML.
  fc.assert(
    fc.property(value, (one) => check(JSON.stringify(one))),
    { numRuns: 1500 },
  )
})

it('refuses any mutation of the sample in lines, or takes it', () => {
  const edit = fc.record({ at: fc.nat(SAMPLE.length), cut: fc.nat(30), insert: yamlish })
  const edits = fc.array(edit, { minLength: 1, maxLength: 4 })
  const property = fc.property(edits, (list) => {
    let text = SAMPLE
    for (const { at, cut, insert } of list) text = text.slice(0, at) + insert + text.slice(at + cut)
    check(text)
  })
  fc.assert(property, { numRuns: 500 })
})
