import { expect, it } from 'vitest'
import { checksReport } from '../../cli/verification-report.js'

it('shows each check on its line, and of one that failed what was expected, found, and meant', () => {
  const report = checksReport([
    { name: 'form', verdict: 'passed', expected: 'a document', actual: 'as expected' },
    { name: 'PCR0', verdict: 'failed', expected: 'aa or bb', actual: 'cc', hint: 'another image' },
    { name: 'nonce', verdict: 'failed', expected: '2 bytes', actual: 'absent' },
    { name: 'PCR4', verdict: 'passed', expected: 'dd (of i-0)', actual: 'dd' },
    { name: 'age', verdict: 'not reached', expected: 'at most 300 s' },
  ])
  expect(report.split('\n')).toEqual([
    '  passed       form   a document',
    '  FAILED       PCR0   expected: aa',
    '                            or: bb',
    '                         found: cc',
    '                          hint: another image',
    '  FAILED       nonce  expected: 2 bytes',
    '                         found: absent',
    '  passed       PCR4   dd',
    '  not reached  age    expected: at most 300 s',
  ])
})

it('lets no document drive the terminal', () => {
  const report = checksReport([
    { name: 'form', verdict: 'failed', expected: 'x', actual: '\u001b[2J\nforged', hint: '\u202e' },
  ])
  expect(report).toContain('\\u{1b}[2J\\u{a}forged')
  expect(report).toContain('\\u{202e}')
})
