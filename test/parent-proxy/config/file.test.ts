import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig, readConfig } from '../../../parent-proxy/config.js'
import { directory } from '../rig.js'
import { KMS, problems, TO_KMS, withListener } from './support.js'

const GOOD = withListener(`listen: vsock:ANY:8000, ${TO_KMS}`)

describe('every problem', () => {
  it('is told at once, at its own place, in the order of the file', () => {
    const text = `# AWS's, and a mistake
allowlist:
- {address: kms.test, port: 443}
- {address: kms.test, port: https}
listeners:
  - listen: vsock:ANY:8000
    to: kms.test:443
    queue: -1
    maxConections: 5

  - listen: unix:/d:8000
    credentials:
      source: file
      sessionPolicy:
        roleArn: me
        actions: [kms:Decrypt, "kms:*"]
        region: us-east-1
    to: nowhere
    cid: sixteen
monitor: 0.0.0.0:9465
`
    const lines = problems(text)
    expect(lines.map((line) => line.split(': ', 2).join(': '))).toEqual([
      'proxy.yaml:4:29: allowlist[1].port',
      'proxy.yaml:8:12: listeners[0].queue',
      'proxy.yaml:9:5: listeners[0].maxConections',
      'proxy.yaml:11:5: listeners[1]',
      'proxy.yaml:13:7: listeners[1].credentials.path',
      'proxy.yaml:15:18: listeners[1].credentials.sessionPolicy.roleArn',
      'proxy.yaml:16:32: listeners[1].credentials.sessionPolicy.actions[1]',
      'proxy.yaml:18:9: listeners[1].to',
      'proxy.yaml:19:10: listeners[1].cid',
      'proxy.yaml:20:10: monitor',
    ])
    expect(lines[0]).toBe('proxy.yaml:4:29: allowlist[1].port: a whole number from 1 to 65535, not "https"')
    expect(lines[1]).toBe('proxy.yaml:8:12: listeners[0].queue: a whole number from 0 to 2147483647, not -1')
    expect(lines[4]).toBe('proxy.yaml:13:7: listeners[1].credentials.path: missing: a text')
  })

  it('stands where its own words do, when aliases repeat them', () => {
    const text = `${KMS}listeners:
- {listen: vsock:ANY:8000, to: "kms.test:443", dns: &dns {ttl: never}}
- {listen: vsock:ANY:8001, to: "kms.test:443", dns: *dns}
`
    expect(problems(text)).toEqual([
      expect.stringContaining('proxy.yaml:3:64: listeners[0].dns.ttl: '),
      expect.stringContaining('proxy.yaml:3:64: listeners[1].dns.ttl: '),
    ])
  })

  it('is one of a hundred at most', () => {
    const lines = problems(`allowlist: [${'1, '.repeat(250)}]\n${GOOD.slice(KMS.length)}`)
    expect(lines).toHaveLength(101)
    expect(lines[100]).toBe('proxy.yaml: and 150 more')
  })

  it('is one short line, whatever the file says', () => {
    const [first, second, ...rest] = problems(`"${'k'.repeat(1000)}": 1\n"a\\nb\\u2028\\e[1m": 2\n${GOOD}`)
    expect(first).toMatch(/^proxy\.yaml:1:1: k{64}: unknown key$/)
    expect(second).toBe('proxy.yaml:2:1: a\\u{a}b\\u{2028}\\u{1b}[1m: unknown key')
    expect(rest).toEqual([])
    const [refused] = problems(withListener(`listen: "${'l'.repeat(100_000)}", ${TO_KMS}`))
    expect(refused?.length).toBeLessThan(1000)
  })
})

describe('a key', () => {
  it.each([
    ['lissteners', 'unknown key: did you mean listeners?'],
    ['LISTENERS', 'unknown key: did you mean listeners?'],
    ['moniotr', 'unknown key: did you mean monitor?'],
    ['dsn', 'unknown key: did you mean dns?'],
    ['queue', 'unknown key'],
    ['__proto__', 'unknown key'],
    ['<<', 'unknown key'],
    ['toString', 'unknown key'],
  ])('%s is none at the top', (key, message) => {
    expect(problems(`${GOOD}${key}: {}\n`)).toEqual([`proxy.yaml:3:1: ${key}: ${message}`])
  })

  it('is looked for among those of its own place', () => {
    expect(problems(withListener(`listen: vsock:ANY:8000, too: x, ${TO_KMS}`))).toEqual([
      'proxy.yaml:2:38: listeners[0].too: unknown key: did you mean to?',
    ])
    const keys = `listen: vsock:ANY:8000, ${TO_KMS}, dns: {tll: 5}`
    expect(problems(withListener(keys))).toEqual([
      'proxy.yaml:2:64: listeners[0].dns.tll: unknown key: did you mean ttl?',
    ])
  })

  it('is not for every kind of credentials', () => {
    expect(problems(withListener('listen: vsock:ANY:8000, credentials: {source: imds, path: /x}'))).toEqual([
      'proxy.yaml:2:66: listeners[0].credentials.path: it does not go with the other keys here',
    ])
  })

  it('stands once', () => {
    expect(problems(`${GOOD}maxConnections: 5\nmaxConnections: 6\n`)).toEqual([
      'proxy.yaml:4:1: maxConnections: given twice',
    ])
    expect(problems(withListener(`listen: vsock:ANY:8000, ${TO_KMS}, "to": "kms.test:443"`))).toEqual([
      'proxy.yaml:2:58: listeners[0].to: given twice',
    ])
  })
})

describe('YAML', () => {
  it.each([
    ['a bad indent', 'a:\n  - b\n c: 1\n', '3:1: All mapping items must start at the same column'],
    ['a quote without end', 'a: "b\n', '2:1: Missing closing "quote'],
    ['a tab', '\ta: 1\n', '1:1: Tabs are not allowed as indentation'],
    ['an unknown tag', `${GOOD}log: {level: !secret info}\n`, '3:14: Unresolved tag: !secret'],
    [
      'a tag of YAML 1.1',
      `${GOOD}log: {level: !!binary info}\n`,
      '3:14: Unresolved tag: tag:yaml.org,2002:binary',
    ],
    ['a mapping as a key', '? {a: 1}\n: 1\n', '1:3: With stringKeys, all keys must be strings'],
    ['two documents', `${GOOD}---\n${GOOD}`, '3:1: one document is read, and here begins another'],
    ['an alias of nothing', 'a: *b\n', '1:4: a: no anchor &b stands before its alias'],
    ['an alias of what holds it', 'a: &b [*b]\n', '1:8: a[0]: no anchor &b stands before its alias'],
    ['nothing', '', '1:1: it is empty: what listens?'],
    ['a comment', '# later\n', '1:1: it is empty: what listens?'],
    ['a list', '- a\n', '1:1: a mapping, not a list'],
    ['a text', 'a', '1:1: a mapping, not "a"'],
    ['no listeners', 'allowlist: []\n', '1:1: listeners: missing: a list'],
    ['an empty list of them', 'listeners: []\n', '1:12: listeners: at least one listener'],
    ['an empty listener', 'listeners:\n-\n', '2:2: listeners[0]: missing: a mapping'],
  ])('%s is refused', (_, text, line) => {
    expect(problems(text)).toEqual([`proxy.yaml:${line}`])
  })

  it('tells every error of its syntax', () => {
    expect(problems('a: "b" c\nd: "e" f\n')).toEqual([
      expect.stringMatching(/^proxy\.yaml:1:8: /),
      expect.stringMatching(/^proxy\.yaml:2:8: /),
    ])
  })

  it('does not tell every echo of an error', () => {
    expect(problems('"'.repeat(200))).toHaveLength(10)
  })

  it('does not change its meaning by a directive', () => {
    expect(parseConfig(`%YAML 1.1\n---\n${GOOD}maxConnections: 010\n`, 'proxy.yaml').maxConnections).toBe(10)
  })

  it('may have lines of any system', () => {
    expect(problems(`${GOOD.replaceAll('\n', '\r\n')}queu: 1\r\n`)).toEqual([
      'proxy.yaml:3:1: queu: unknown key',
    ])
  })
})

describe('a bound', () => {
  const MiB = 1024 * 1024
  it.each([
    ['size', `${GOOD}#${' '.repeat(MiB)}`, /^proxy\.yaml:1:1: it has more than 1048576 bytes$/],
    ['depth in brackets', '['.repeat(MiB), /nested deeper than 32$/],
    ['depth in braces', '{'.repeat(MiB), /nested deeper than 32$/],
    ['depth in dashes', '- '.repeat(MiB / 2), /nested deeper than 32$/],
    ['depth in question marks', '? '.repeat(MiB / 2), /nested deeper than 32$/],
    ['depth of what is closed', `${'['.repeat(40)}${']'.repeat(40)}`, /nested deeper than 32$/],
    ['symbols', '- a\n'.repeat(MiB / 4), /more than 250000 symbols$/],
    ['aliases', `a: &a x\nlisteners: [${'*a, '.repeat(200)}]`, /stand for more than 100 values/],
    ['listeners', `listeners: [${'{}, '.repeat(1025)}]`, /listeners: at most 1024 listeners$/],
  ])('is set to %s', (_, text, line) => {
    expect(problems(text).at(-1)).toMatch(line)
  })

  it('is set to what aliases of aliases stand for', () => {
    const floors = Array.from({ length: 20 }, (_, n) => `- &a${n + 1} [${`*a${n}, `.repeat(9)}]`)
    expect(problems(`listeners:\n- &a0 x\n${floors.join('\n')}\n`)).toEqual([
      expect.stringContaining('stand for more than 100 values'),
    ])
  })
})

describe('a file', () => {
  it('is read', async () => {
    const file = join(directory(), 'proxy.yaml')
    writeFileSync(file, `\ufeff${GOOD}`)
    expect((await readConfig(file)).listeners).toHaveLength(1)
  })

  it.each([
    ['is not there', () => {}, 'cannot be read: ENOENT: no such file or directory'],
    ['is a directory', mkdirSync, 'cannot be read: EISDIR: illegal operation on a directory'],
    [
      'is a pipe, which nobody writes,',
      (file: string) => execFileSync('mkfifo', [file]),
      'cannot be read: not a regular file',
    ],
    ['is not UTF-8', (file: string) => writeFileSync(file, 'a: \xff', 'latin1'), '1:1: it is not UTF-8'],
    [
      'is too large',
      // Cut in the middle of a character.
      (file: string) => writeFileSync(file, 'é'.repeat(512 * 1024 + 1)),
      '1:1: it has more than 1048576 bytes',
    ],
  ])('that %s is told by its name', async (_, make, message) => {
    const file = join(directory(), 'proxy.yaml')
    make(file)
    await expect(readConfig(file)).rejects.toMatchObject({
      name: 'UsageError',
      code: 'ERR_PROXY_CONFIG',
      message: expect.stringMatching(new RegExp(`^${file}: ?${message}$`)),
    })
  })

  it('without an end is not read to it', async () => {
    await expect(readConfig('/dev/zero')).rejects.toMatchObject({
      code: 'ERR_PROXY_CONFIG',
      message: '/dev/zero: cannot be read: not a regular file',
    })
  })
})
