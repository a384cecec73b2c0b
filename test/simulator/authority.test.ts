import { createHash, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseCertificate } from '../../shared/certificate.js'
import {
  createInstanceAuthority,
  type InstanceAuthority,
  issueEnclaveCertificate,
} from '../../simulator/authority.js'
import { type OpenSsl, pem, withOpenSsl } from '../support/openssl.js'

const NOW = new Date('2026-05-01T12:00:00.750Z')
const SECOND = 1_000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR
const INSTANCE = 'i-simulated01234567'
const MODULE = `${INSTANCE}-enc0123456789abcdef`
const NAMES = ['root', 'regional', 'zonal', 'instance', 'leaf'] as const

let authority: InstanceAuthority
let chain: readonly Uint8Array[]
beforeAll(async () => {
  authority = await createInstanceAuthority({ region: 'us-east-1', instanceId: INSTANCE, now: () => NOW })
  const { certificate } = await issueEnclaveCertificate(authority, MODULE, NOW)
  chain = [...authority.cabundle, certificate]
})

function certificate(name: (typeof NAMES)[number]): Uint8Array {
  return chain[NAMES.indexOf(name)] ?? new Uint8Array()
}

describe("the simulator's chain", () => {
  it('has five certificates, root first', () => {
    expect(chain).toHaveLength(5)
  })

  it.each(NAMES)("the %s certificate is no larger than hardware's largest", (name) => {
    expect(certificate(name).length).toBeGreaterThanOrEqual(533)
    expect(certificate(name).length).toBeLessThanOrEqual(1024)
  })

  it('still fits when the region has the longest name that AWS uses', async () => {
    const region = 'ap-southeast-1'
    const long = await createInstanceAuthority({ region, instanceId: INSTANCE, now: () => NOW })
    const { certificate: leaf } = await issueEnclaveCertificate(long, MODULE, NOW)
    expect(Math.max(...[...long.cabundle, leaf].map(({ length }) => length))).toBeLessThanOrEqual(1024)
  })

  it.each([
    ['root', -30 * DAY, 30 * 365 * DAY],
    ['regional', -HOUR, 20 * DAY + HOUR],
    ['zonal', -HOUR, 5 * DAY + 13 * HOUR],
    ['instance', -60 * SECOND, DAY],
    ['leaf', -3 * SECOND, 3 * HOUR + 3 * SECOND],
  ] as const)(
    'the %s certificate lives as long as on hardware, from the injected clock on',
    (name, from, life) => {
      const { notBefore, notAfter } = parseCertificate(certificate(name))
      const start = Math.floor((NOW.getTime() + from) / SECOND) * SECOND
      expect(notBefore.getTime()).toBe(start)
      expect(notAfter.getTime()).toBe(start + life)
    },
  )

  it("has a root of its own, and not AWS's", () => {
    const digest = createHash('sha256').update(certificate('root')).digest('hex')
    expect(digest).not.toBe('641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b')
  })

  it.each(NAMES)(
    'the %s certificate says in its name that it is simulated, and names nothing of Amazon',
    (name) => {
      const { subject } = new X509Certificate(certificate(name))
      expect(subject).toContain('simulated')
      expect(subject).not.toMatch(/amazon|aws/i)
    },
  )

  it('has another root every time', async () => {
    const other = await createInstanceAuthority({ region: 'us-east-1', instanceId: INSTANCE, now: () => NOW })
    expect(other.cabundle[0]).not.toEqual(certificate('root'))
  })

  it('has another key in every enclave certificate', async () => {
    const { certificate: other } = await issueEnclaveCertificate(authority, MODULE, NOW)
    expect(parseCertificate(other).publicKey).not.toEqual(parseCertificate(certificate('leaf')).publicKey)
  })

  it.each(['us-east-1, O=Amazon', 'x+CN=y', '#3003', ''])(
    'refuses the region %j, which would change its names',
    (region) =>
      expect(createInstanceAuthority({ region, instanceId: INSTANCE, now: () => NOW })).rejects.toMatchObject(
        {
          code: 'ERR_USAGE',
        },
      ),
  )

  it('refuses a module id that would change the name', () =>
    expect(issueEnclaveCertificate(authority, 'i-simulated, O=Amazon', NOW)).rejects.toMatchObject({
      code: 'ERR_USAGE',
    }))
})

withOpenSsl("the simulator's chain, as openssl sees it", (openssl) => {
  const AT = Math.floor(NOW.getTime() / SECOND)

  function verify({ text }: OpenSsl, at: number): string {
    const [root = new Uint8Array(), ...rest] = chain
    const untrusted = rest.slice(0, -1).map((der) => pem('CERTIFICATE', der))
    const files = {
      root: pem('CERTIFICATE', root),
      untrusted: untrusted.join(''),
      leaf: pem('CERTIFICATE', certificate('leaf')),
    }
    const trust = ['-CAfile', '{root}', '-no-CApath', '-no-CAstore', '-untrusted', '{untrusted}']
    return text(['verify', '-attime', String(at), ...trust, '{leaf}'], files)
  }

  it('is valid now', () => {
    expect(verify(openssl, AT)).toMatch(/: OK\n$/)
  })

  it('is over after three hours', () => {
    expect(() => verify(openssl, AT + 3 * 3_600 + 1)).toThrow('certificate has expired')
  })

  function text(name: (typeof NAMES)[number]): string {
    return openssl.text(['x509', '-inform', 'DER', '-in', '{certificate}', '-noout', '-text'], {
      certificate: certificate(name),
    })
  }

  it.each(NAMES)('the %s certificate has a P-384 key and is signed with ecdsa-with-SHA384', (name) => {
    expect(text(name)).toMatch(/NIST CURVE: P-384[\s\S]*Signature Algorithm: ecdsa-with-SHA384/)
  })

  it.each([
    ['root', 'CA:TRUE'],
    ['regional', 'CA:TRUE, pathlen:2'],
    ['zonal', 'CA:TRUE, pathlen:1'],
    ['instance', 'CA:TRUE, pathlen:0'],
    ['leaf', 'CA:FALSE'],
  ] as const)('the basic constraints of the %s certificate are critical: %s', (name, expected) => {
    expect(extension(text(name), 'Basic Constraints')).toEqual({ critical: true, value: expected })
  })

  const everything = 'Digital Signature, Certificate Sign, CRL Sign'
  it.each([
    ['root', true, everything],
    ['regional', true, everything],
    ['zonal', true, everything],
    ['instance', true, 'Certificate Sign'],
    ['leaf', false, 'Digital Signature, Non Repudiation'],
  ] as const)('the key usage of the %s certificate (critical: %s) is %s', (name, critical, value) => {
    expect(extension(text(name), 'Key Usage')).toEqual({ critical, value })
  })

  it.each([
    ['root', true, false, false],
    ['regional', true, true, true],
    ['zonal', true, true, true],
    ['instance', true, true, false],
    ['leaf', false, false, false],
  ] as const)(
    "the %s certificate has hardware's other extensions and no more",
    (name, subject, issuer, list) => {
      const found = text(name)
      expect(found.includes('Subject Key Identifier')).toBe(subject)
      expect(found.includes('Authority Key Identifier')).toBe(issuer)
      expect(found.includes('CRL Distribution Points')).toBe(list)
      expect(found).not.toContain('Extended Key Usage')
    },
  )

  it("writes the zonal name in another order than its issuer's", () => {
    expect(text('zonal')).toMatch(/Subject: CN = /)
    expect(text('regional')).toMatch(/Subject: C = /)
  })
})

function extension(text: string, name: string): { critical: boolean; value: string } | undefined {
  const match = new RegExp(`X509v3 ${name}:( critical)?\\s*\\n\\s*(.+)\\n`).exec(text)
  return match === null ? undefined : { critical: match[1] !== undefined, value: match[2] ?? '' }
}
