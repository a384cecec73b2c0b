import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { hostsFile, parseHosts } from '../../../parent-proxy/names/hosts-file.js'

const place = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'hosts-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return join(path, 'hosts')
}

it('reads names and aliases, in any case, with comments, tabs and lines of other systems', () => {
  const hosts = parseHosts(
    [
      '# all of them',
      '10.0.0.1\tKMS.test  kms # not.this',
      '',
      '  10.0.0.2 kms.test.\r',
      '2001:db8::1 kms.test kms.test',
      '#10.0.0.9 kms.test',
    ].join('\n'),
  )
  expect(Object.fromEntries(hosts)).toEqual({
    'kms.test': ['10.0.0.1', '10.0.0.2', '2001:db8::1'],
    kms: ['10.0.0.1'],
  })
})

it('passes over lines and names that it does not understand, and keeps the others', () => {
  const hosts = parseHosts(
    '10.0.0.256 a\nlocalhost b\n10.0.0.1\n127.1 c\n10.0.0.2 a..b d 10.0.0.3\nfe80::1%lo e',
  )
  expect(Object.fromEntries(hosts)).toEqual({ d: ['10.0.0.2'], e: ['fe80::1%lo'] })
})

it('reads anything', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      parseHosts(text)
      expect(parseHosts(`${text}\n10.0.0.1 kms.test`).get('kms.test')).toContain('10.0.0.1')
    }),
  )
})

it('is not taken in by names of Object', () => {
  expect(parseHosts('').get('constructor')).toBe(undefined)
  expect(parseHosts('10.0.0.1 __proto__').get('__proto__')).toEqual(['10.0.0.1'])
})

it('reads the file again when it was changed, replaced, removed or came back', () => {
  const path = place()
  const lookup = hostsFile(path)
  expect(lookup('kms.test')).toEqual([])
  writeFileSync(path, '10.0.0.1 kms.test')
  expect(lookup('kms.test')).toEqual(['10.0.0.1'])
  writeFileSync(path, '10.0.0.2 kms.test')
  expect(lookup('kms.test')).toEqual(['10.0.0.2'])
  writeFileSync(`${path}.new`, '10.0.0.3 kms.test')
  renameSync(`${path}.new`, path)
  expect(lookup('kms.test')).toEqual(['10.0.0.3'])
  rmSync(path)
  expect(lookup('kms.test')).toEqual([])
  writeFileSync(path, '10.0.0.4 kms.test')
  expect(lookup('kms.test')).toEqual(['10.0.0.4'])
})
