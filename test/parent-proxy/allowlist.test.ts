import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAllowlist } from '../../parent-proxy/allowlist.js'
import { refusal } from '../support/errors.js'

const allows = (entry: string, host: string, ports: readonly [number, number] = [443, 443]): boolean => {
  const allowlist = createAllowlist([{ address: entry, port: ports[0] }])
  try {
    allowlist.check({ host, port: ports[1] })
    return true
  } catch {
    return false
  }
}

const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
const ipv4 = octets.map((parts) => parts.join('.'))
const ipv6 = fc.ipV6()
/** An address of the Internet or of a VPC. */
const publicIpv4 = octets.filter(([first, second]) => {
  return first > 0 && first !== 127 && !(first === 169 && second === 254)
})
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/)
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))

/** Eight groups of 16 bits, and some ways to write them. */
const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
const spellings = (words: readonly number[]): string[] => {
  const plain = words.map((word) => word.toString(16)).join(':')
  const padded = words.map((word) => word.toString(16).padStart(4, '0').toUpperCase()).join(':')
  const tail = words.slice(6).flatMap((word) => [word >> 8, word & 0xff])
  const dotted = [...words.slice(0, 6).map((word) => word.toString(16)), tail.join('.')].join(':')
  // Each run of zeros may be the one that is left out.
  const shortened = words.flatMap((word, start) => {
    let end = start
    while (words[end] === 0) end += 1
    const hex = (part: readonly number[]) => part.map((one) => one.toString(16)).join(':')
    return word === 0 ? [`${hex(words.slice(0, start))}::${hex(words.slice(end))}`] : []
  })
  return [plain, padded, dotted, ...shortened]
}

describe('a name', () => {
  it.each([
    ['kms.test', 'kms.test', true],
    ['KMS.test.', 'kms.TEST', true],
    ['kms.test', 'Kms.Test.', true],
    ['_service.kms.test', '_service.kms.test', true],
    ['kms.test', 'a.kms.test', false],
    ['kms.test', 'kms.test.evil', false],
    ['kms.test', 'akms.test', false],
    ['kms.test', 'kms.test..', false],
    ['kms.test', 'kms.test\0', false],
    ['*.kms.test', 'a.kms.test', true],
    ['*.kms.test', 'A.b.KMS.test.', true],
    ['*.KMS.test.', 'a.kms.test', true],
    ['*.kms.test', 'kms.test', false],
    ['*.kms.test', '.kms.test', false],
    ['*.kms.test', 'akms.test', false],
    ['*.kms.test', '*.kms.test', false],
    ['*.kms.test', 'a..kms.test', false],
    ['*.kms.test', 'a.kms.test.evil', false],
  ])('%j allows %j: %s', (entry, host, expected) => {
    expect(allows(entry, host)).toBe(expected)
  })

  it('of any kind is compared whole, and its port too', () => {
    fc.assert(
      fc.property(name, name, fc.integer({ min: 1, max: 65535 }), (one, other, port) => {
        expect(allows(one, one.toUpperCase(), [port, port])).toBe(true)
        expect(allows(one, other)).toBe(one === other)
        expect(allows(one, one, [443, port])).toBe(port === 443)
        expect(allows(`*.${one}`, `${other}.${one}`)).toBe(true)
        expect(allows(`*.${one}`, other)).toBe(other.endsWith(`.${one}`))
      }),
    )
  })
})

describe('an address', () => {
  it('is compared by its bits, however it is written', () => {
    fc.assert(
      fc.property(groups, (words) => {
        const all = spellings(words)
        for (const spelling of all) {
          expect([spelling, allows(spelling, all[0] ?? '')]).toEqual([spelling, true])
          expect([spelling, allows(all[0] ?? '', spelling)]).toEqual([spelling, true])
        }
      }),
    )
    fc.assert(
      fc.property(ipv6, ipv6, (one, other) => {
        const url = (address: string) => new URL(`http://[${address}]`).hostname
        expect(allows(one, other)).toBe(url(one) === url(other))
      }),
    )
  })

  it('is the same as its IPv4-mapped form, which dials it', () => {
    fc.assert(
      fc.property(publicIpv4, (parts) => {
        const address = parts.join('.')
        expect(allows(address, `::ffff:${address}`)).toBe(true)
        expect(allows(`::ffff:${address}`, address)).toBe(true)
        expect(allows(address, `64:ff9b::${address}`)).toBe(false)
        expect(allows(address, `::${address}`)).toBe(false)
      }),
    )
  })

  it.each([
    ['10.0.0.1', '010.0.0.1'],
    ['10.0.0.1', '10.1'],
    ['10.0.0.1', '167772161'],
    ['10.0.0.1', '0x0a000001'],
    ['10.0.0.1', '10.0.0.1.'],
    ['2001:db8::1', '[2001:db8::1]'],
    ['2001:db8::1', '2001:db8::1%eth0'],
    ['::/0', '10.0.0.1'],
    ['0.0.0.0/0', '2001:db8::1'],
  ])('%j does not allow %j', (entry, host) => {
    expect(allows(entry, host)).toBe(false)
  })
})

describe('a range', () => {
  const number = (address: readonly number[], base: bigint) =>
    address.reduce((value, part) => value * base + BigInt(part), 0n)

  it('holds exactly the addresses with its prefix', () => {
    fc.assert(
      fc.property(octets, publicIpv4, fc.nat(32), fc.boolean(), (network, other, prefix, near) => {
        const size = BigInt(32 - prefix)
        const start = (number(near ? other : network, 256n) >> size) << size
        const text = [24n, 16n, 8n, 0n].map((shift) => (start >> shift) & 255n).join('.')
        const expected = number(other, 256n) >> size === start >> size
        expect(allows(`${text}/${prefix}`, other.join('.'))).toBe(expected)
        expect(allows(`${text}/${prefix}`, `::ffff:${other.join('.')}`)).toBe(expected)
      }),
    )
    const outside = groups.filter(([first = 0]) => first >= 0x2000 && first < 0xf000)
    fc.assert(
      fc.property(
        outside,
        outside,
        fc.integer({ min: 4, max: 128 }),
        fc.boolean(),
        (network, other, prefix, near) => {
          const size = BigInt(128 - prefix)
          const start = (number(near ? other : network, 65536n) >> size) << size
          const words = Array.from({ length: 8 }, (_, index) =>
            Number((start >> BigInt(112 - 16 * index)) & 0xffffn),
          )
          const expected = number(other, 65536n) >> size === start >> size
          for (const spelling of spellings(words)) {
            expect(allows(`${spelling}/${prefix}`, spellings(other).at(-1) ?? '')).toBe(expected)
          }
        },
      ),
    )
  })

  it('allows no name', () => {
    expect(allows('0.0.0.0/0', 'kms.test')).toBe(false)
    expect(createAllowlist([{ address: '::/0', port: 443 }]).permits('kms.test', 443)).toBe(false)
  })
})

describe('an entry that is not as it must be', () => {
  it.each([
    '',
    '.',
    '*',
    '*.',
    '*.*',
    '*.1',
    '*.*.test',
    '**.test',
    'a*.b',
    'a.*.b',
    'a..b',
    '-a.test',
    'a-.test',
    'a b.test',
    'a.test:443',
    'https://a.test',
    'bücher.test',
    `${'a'.repeat(64)}.test`,
    `${Array.from({ length: 3 }, () => 'a'.repeat(63)).join('.')}.${'a'.repeat(62)}`,
    '10.0.0.256',
    '10.0.1',
    '1',
    'a.0x7f',
    '[2001:db8::1]',
    '2001:db8::g',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/+8',
    '10.0.0.0/08',
    '10.0.0.0/8 ',
    '10.0.0.0/8/8',
    '10.0.0.0/1e1',
    '10.0.0.0/255.0.0.0',
    '10.0.0.1/8',
    '2001:db8::/129',
    '::ffff:10.0.0.0/8',
    '::ffff:10.0.0.0/104',
    '2001:db8::1/64',
    'fe80::%eth0/10',
    'kms.test/24',
    '*.kms.test/24',
  ])('%j is refused by name', async (address) => {
    const error = await refusal(() =>
      createAllowlist([
        { address: 'kms.test', port: 443 },
        { address, port: 443 },
      ]),
    )
    expect(error.code).toBe('ERR_PROXY_CONFIG')
    expect(error.message).toContain(`${JSON.stringify(address)}, port 443`)
  })

  it.each([0, -1, 65536, 1.5, Number.NaN, '443' as unknown as number])('port %j is refused', async (port) => {
    const error = await refusal(() => createAllowlist([{ address: 'kms.test', port }]))
    expect(error).toMatchObject({
      code: 'ERR_PROXY_CONFIG',
      message: expect.stringContaining(`port ${port}`),
    })
  })

  it('without a text is refused, not a crash', async () => {
    const address = undefined as unknown as string
    expect(await refusal(() => createAllowlist([{ address, port: 443 }]))).toMatchObject({
      code: 'ERR_PROXY_CONFIG',
    })
  })

  it('of any text is refused with the one code, or understood', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[*.:/%a0-9-]{0,12}$/)),
        (address) => {
          try {
            createAllowlist([{ address, port: 443 }])
          } catch (error) {
            expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_PROXY_CONFIG' })
          }
        },
      ),
    )
  })
})

describe('check()', () => {
  const allowlist = createAllowlist([
    { address: 'kms.test', port: 443 },
    { address: '10.0.0.0/8', port: 443 },
  ])

  it.each([
    [{ host: 'evil.test', port: 443 }, /^The given address and port are not allowed: evil\.test:443 /],
    [{ host: 'kms.test', port: 444 }, /^The given address and port are not allowed: kms\.test:444 /],
    [{ host: '2001:db8::1', port: 443 }, /^The given address and port are not allowed: \[2001:db8::1\]:443 /],
    [{ host: '', port: 443 }, /to\.host/],
    [{ host: 'kms.test', port: 0 }, /to\.port/],
    [{ host: 'kms.test', port: 65536 }, /to\.port/],
  ])('says what is wrong with %j', async (target, message) => {
    const error = await refusal(() => allowlist.check(target))
    expect(error).toMatchObject({ code: 'ERR_PROXY_CONFIG', message: expect.stringMatching(message) })
  })

  it('allows nothing by an empty list', async () => {
    const error = await refusal(() => createAllowlist([]).check({ host: 'kms.test', port: 443 }))
    expect(error.message).toMatch(/^The given address and port are not allowed/)
  })
})

describe('loopback, link-local and metadata addresses', () => {
  const secret = [
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.170.2',
    '169.254.0.0',
    '169.254.255.255',
    '::',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::127.0.0.1',
    'fe80::1',
    'fe80::a9fe:a9fe%eth0',
    'febf:ffff::1',
    '::1%lo',
    'fd00:ec2::254',
    'FD00:0EC2:0000::23',
    'fd00:ec2:ffff::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:FFFF:a9fe:a9fe',
    '::ffff:169.254.169.254%eth0',
    '64:ff9b::169.254.169.254',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe%eth0',
    '64:ff9b::0.0.0.1',
    '64:ff9b:1::a9fe:a9fe',
    '64:ff9b:1:abcd:1:2:127.0.0.1',
    '64:ff9b:1:a9fe:a9:fe00::',
    '64:ff9b:1:ab:a9:fea9:fe00:0',
    '64:ff9b:1:ab:7f:0:100:0',
    '2002:7f00:1::1',
    '2002:a9fe:a9fe:1:2:3:4:5',
    '2002:1:203::',
    '::ffff:0:169.254.169.254',
    '::ffff:0:7f00:1',
    '::ffff:0:0.0.0.1',
  ]
  const open = [
    '1.0.0.0',
    '10.0.0.1',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.16.0.1',
    '192.168.1.1',
    '::ffff:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::10.0.0.1',
    '64:ff9b:1:abcd:1:2:10.0.0.1',
    '64:ff9b:1:ab:a:1:200:0',
    '64:ff9b:1::10.0.0.0',
    '64:ff9b:1:ab:a9:fea9:fe00:1',
    '64:ff9b:2::a9fe:a9fe',
    '2002:a00:1::1',
    '2002:a9fd:a9fe::1',
    '2002:100::1',
    '2003:7f00:1::1',
    '::ffff:0:10.0.0.1',
    '::ffff:1:127.0.0.1',
    '2001:db8::1',
    'fd00:ec1::254',
    'fd00:ec3::254',
    'fec0::1',
    'fe7f::1',
    '::1:0:0:0',
  ]

  it.each(secret)('%s is not dialled for a name, a wildcard or a range', async (address) => {
    const allowlist = createAllowlist(
      ['kms.test', '*.test', '0.0.0.0/0', '::/0', '127.0.0.0/8', '169.254.0.0/16', 'fe80::/10'].map(
        (entry) => {
          return { address: entry, port: 80 }
        },
      ),
    )
    expect(allowlist.permits(address, 80)).toBe(false)
    const error = await refusal(() => allowlist.check({ host: address, port: 80 }))
    expect(error.message).toMatch(/^The given address and port are not allowed/)
  })

  it.each(secret)('%s is dialled where it is listed itself, at that port', (address) => {
    const allowlist = createAllowlist([{ address, port: 80 }])
    expect(allowlist.permits(address, 80)).toBe(true)
    expect(allowlist.permits(address, 443)).toBe(false)
    expect(() => allowlist.check({ host: address, port: 80 })).not.toThrow()
  })

  it('are open in one spelling as in the other, and their neighbours are not', () => {
    const { permits } = createAllowlist([
      { address: '::1', port: 80 },
      { address: '169.254.169.254', port: 80 },
    ])
    expect(['0:0::1', '::ffff:a9fe:a9fe'].map((address) => permits(address, 80))).toEqual([true, true])
    const others = ['::1%lo', '::2', '169.254.169.253', '64:ff9b::a9fe:a9fe', '::169.254.169.254']
    expect(others.filter((address) => permits(address, 80))).toEqual([])
  })

  it.each(open)('%s is none of them', (address) => {
    expect(createAllowlist([]).permits(address, 443)).toBe(true)
  })

  it('are recognised behind every prefix that leads to an IPv4 address', () => {
    const dangerous = fc.oneof(
      octets.map(([, ...rest]) => [127, ...rest]),
      octets.map(([, ...rest]) => [0, ...rest]),
      octets.map(([, , ...rest]) => [169, 254, ...rest]),
    )
    const { permits } = createAllowlist([{ address: '0.0.0.0/0', port: 80 }])
    const embedded = (parts: readonly number[]) => {
      const text = parts.join('.')
      const hex = parts.map((part) => part.toString(16).padStart(2, '0'))
      return [
        text,
        ...['::ffff:', '64:ff9b::', '64:ff9b:1::', '::ffff:0:'].map((prefix) => prefix + text),
        `2002:${hex[0]}${hex[1]}:${hex[2]}${hex[3]}::1`,
      ]
    }
    fc.assert(
      fc.property(dangerous, (parts) => {
        const all = [...embedded(parts), `::${parts.join('.')}`]
        expect(all.filter((address) => permits(address, 80))).toEqual([])
      }),
    )
    fc.assert(
      fc.property(publicIpv4, (parts) => {
        expect(embedded(parts).filter((address) => !permits(address, 80))).toEqual([])
      }),
    )
  })

  it('nothing else than an address is dialled', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          name,
          ipv4.map((address) => `${address} `),
        ),
        (text) => {
          expect(createAllowlist([{ address: 'kms.test', port: 80 }]).permits(text, 80)).toBe(false)
        },
      ),
    )
  })
})
