import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createAllowlist } from '../../parent-proxy/allowlist.js'
import { matchAwsAllowlist, readAwsAllowlist } from '../../parent-proxy/aws-allowlist.js'
import type { Resolver } from '../../parent-proxy/resolver.js'
import { directory } from './rig.js'

const FILE = `allowlist:
- {address: kms.us-east-1.amazonaws.com, port: 443}
- {address: kms.us-west-2.amazonaws.com, port: 443}
- {address: 192.0.2.7, port: 8443}
`

const unreachable: Resolver = async (host) => {
  throw new Error(`${host} was not to be resolved`)
}

/** A resolver of these names; an address is its own. */
const knowing =
  (names: Readonly<Record<string, readonly string[]>>): Resolver =>
  async (host, port) => {
    const addresses = /^[0-9a-f.:]+$/i.test(host) ? [host] : names[host]
    if (addresses === undefined) throw new Error(`${host}: no such name`)
    return addresses.map((address) => ({ address, port }))
  }

const match = (text: string, host: string, port: number, resolver = unreachable) =>
  matchAwsAllowlist(text, 'vsock-proxy.yaml', { host, port }, resolver)

const refused = (message: string, why?: string) => ({
  name: 'UsageError',
  code: 'ERR_PROXY_CONFIG',
  message,
  ...(why !== undefined && { cause: expect.objectContaining({ message: expect.stringContaining(why) }) }),
})
const NOT_ALLOWED = 'The given address and port are not allowed'

describe('a target', () => {
  it('is allowed by its very text, without DNS', async () => {
    const entries = await match(FILE, 'kms.us-west-2.amazonaws.com', 443)
    expect(() =>
      createAllowlist(entries).check({ host: 'kms.us-west-2.amazonaws.com', port: 443 }),
    ).not.toThrow()
    expect(() => createAllowlist(entries).check({ host: 'kms.us-east-1.amazonaws.com', port: 443 })).toThrow()
  })

  it('is allowed by an address that it shares with an entry of its port', async () => {
    const resolver = knowing({
      'alias.test': ['198.51.100.1', '203.0.113.9'],
      'kms.us-west-2.amazonaws.com': ['203.0.113.8', '203.0.113.9'],
    })
    expect(await match(FILE, 'alias.test', 443, resolver)).toContainEqual({
      address: 'alias.test',
      port: 443,
    })
    expect(await match(FILE, '203.0.113.8', 443, resolver)).toContainEqual({
      address: '203.0.113.8',
      port: 443,
    })
    await expect(match(FILE, 'alias.test', 8443, resolver)).rejects.toMatchObject(refused(NOT_ALLOWED))
  })

  it('is allowed by an address that the file names', async () => {
    const resolver = knowing({ 'seven.test': ['192.0.2.7'] })
    expect(await match(FILE, 'seven.test', 8443, resolver)).toEqual([
      { address: 'seven.test', port: 8443 },
      { address: '192.0.2.7', port: 8443 },
    ])
  })

  it('is compared however its address is written', async () => {
    const text = 'allowlist: [{address: "2001:db8:0::1", port: 443}]'
    await expect(match(text, '2001:DB8::1', 443, knowing({}))).resolves.toBeDefined()
  })

  it.each([
    ['another host', 'evil.test', 443],
    ['another port', 'kms.us-east-1.amazonaws.com', 444],
    ['a longer name', 'kms.us-east-1.amazonaws.com.evil.test', 443],
    ["an entry's wildcard", '*', 443],
  ])('is refused: %s', async (_, host, port) => {
    const resolver = knowing({
      [host]: ['198.51.100.1'],
      ...(port === 443 && { 'kms.us-east-1.amazonaws.com': ['203.0.113.1'] }),
    })
    const why = 'is not in vsock-proxy.yaml: add - {address: '
    await expect(match(FILE, host, port, resolver)).rejects.toMatchObject(refused(NOT_ALLOWED, why))
  })

  it('is refused when it has to be resolved and cannot be', async () => {
    await expect(match(FILE, 'alias.test', 443, knowing({}))).rejects.toMatchObject(
      refused('DNS lookup failed!', 'alias.test: no such name'),
    )
  })

  it('in another script is asked for by its name in DNS', async () => {
    const text = 'allowlist: [{address: bücher.test, port: 443}]'
    expect(await match(text, 'bücher.test', 443)).toEqual([{ address: 'xn--bcher-kva.test', port: 443 }])
    const resolver = knowing({ 'xn--bcher-kva.test': ['203.0.113.1'], 'books.test': ['203.0.113.1'] })
    await expect(match(text, 'books.test', 443, resolver)).resolves.toBeDefined()
  })

  it('gets at loopback by localhost or by its address, and by no other name', async () => {
    const permits = async (address: string) => {
      const entries = await match(`allowlist: [{address: ${address}, port: 9}]`, address, 9)
      return createAllowlist(entries).permits('127.0.0.1', 9)
    }
    expect(await permits('localhost')).toBe(true)
    expect(await permits('127.0.0.1')).toBe(true)
    expect(await permits('rebound.test')).toBe(false)
  })
})

describe('a file', () => {
  it.each([
    ['other keys', `version: 1\nowner: {team: [a]}\n${FILE.replace('port: 443}', 'port: 443, note: x}')}`],
    ['a key twice', `allowlist: []\n${FILE}`],
    ['a second document', `${FILE}---\nallowlist: []\n`],
    ['a port in hexadecimal', FILE.replace('443', '0x1bb')],
    ['an entry that is wrong behind the one that matches', `${FILE}- {address: 5}\n`],
    [
      'blocks',
      FILE.replace(
        '{address: kms.us-east-1.amazonaws.com, port: 443}',
        'address: kms.us-east-1.amazonaws.com\n  port: 443',
      ),
    ],
  ])('may have %s', async (_, text) => {
    await expect(match(text, 'kms.us-east-1.amazonaws.com', 443)).resolves.toBeDefined()
  })

  it.each([
    ['nothing', '', 'No allowlist field'],
    ['no allowlist', 'allowed: []', 'No allowlist field'],
    ['a mapping for it', 'allowlist: {a: 1}', 'No allowlist field'],
    ['a list alone', '- {address: a.test, port: 443}', 'No allowlist field'],
    ['no YAML', 'allowlist: [', 'Bad yaml format'],
    ['too much depth', '['.repeat(100_000), 'Bad yaml format'],
    ['an entry without an address', 'allowlist: [{port: 443}]', 'No address field'],
    ['a number for an address', 'allowlist: [{address: 5, port: 443}]', 'No address field'],
    ['a text for an entry', 'allowlist: ["a.test:443"]', 'No address field'],
    ['an entry without a port', 'allowlist: [{address: a.test}]', 'No port field or invalid type'],
    [
      'an entry that is wrong before the one that matches',
      'allowlist: [{}, {address: a.test, port: 443}]',
      'No address field',
    ],
    ['a text for a port', 'allowlist: [{address: a.test, port: "443"}]', 'No port field or invalid type'],
    ['an empty list', 'allowlist: []', NOT_ALLOWED],
  ])('with %s is refused', async (_, text, message) => {
    const resolver = knowing({ 'a.test': ['203.0.113.1'] })
    await expect(match(text, 'a.test', 443, resolver)).rejects.toMatchObject(refused(message))
  })

  it('is read', async () => {
    const file = join(directory(), 'vsock-proxy.yaml')
    writeFileSync(file, FILE)
    expect(await readAwsAllowlist(file)).toBe(FILE)
  })

  it.each([
    ['is not there', () => {}, 'Could not open the file', 'ENOENT'],
    ['is a directory', mkdirSync, 'Could not read the file', 'EISDIR'],
    [
      'is too large',
      (file: string) => writeFileSync(file, Buffer.alloc(1024 * 1024 + 1, '#')),
      'Could not read the file',
      'more than 1048576 bytes',
    ],
  ])('that %s is refused', async (_, make, message, why) => {
    const file = join(directory(), 'vsock-proxy.yaml')
    make(file)
    await expect(readAwsAllowlist(file)).rejects.toMatchObject(refused(message, why))
  })
})
