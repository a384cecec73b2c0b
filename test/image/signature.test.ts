import { describe, expect, it } from 'vitest'
import { memorySource } from '../../image/byte-source.js'
import { describeSource } from '../../image/describe.js'
import { pem, withOpenSsl } from '../support/openssl.js'
import { eifBytes, LEAST, part, register } from './eif-bytes.js'
import { coseSign1, makePair, pcrInfo, signatureSection } from './signing.js'

const PCR0 = register('the kernel', 'console=ttyS0', 'the first ramdisk')
const pair = await makePair('P-384')
const other = await makePair('P-384')

const read = (section: Uint8Array, version = 4) =>
  describeSource(memorySource(eifBytes([...LEAST, part('signature', section)], { version })))
const signed = (payload: Uint8Array, { certificate = pair.certificate, key = pair.privateKey } = {}) =>
  signatureSection(certificate, coseSign1(payload, key))

describe('a signed image of version 3', () => {
  it('verifies, and has PCR8', async () => {
    const image = await read(signed(pcrInfo(PCR0)), 3)
    expect(image).toMatchObject({ EifVersion: 3, IsSigned: true, CheckCRC: true, SignatureCheck: true })
    expect(image.Measurements.PCR8).toBe(register(pair.der))
    expect(image.Warnings).toEqual([])
  })

  it('shows its certificate in the forms of nitro-cli', async () => {
    const { SigningCertificate } = await read(signed(pcrInfo(PCR0)))
    expect(SigningCertificate).toMatchObject({
      IssuerName: { commonName: 'image signer', countryName: 'US', organizationName: 'test' },
      Algorithm: 'ecdsa-with-SHA384',
      NotBefore: 'Mar  1 09:08:07 2026 GMT',
      NotAfter: 'Dec 31 23:59:59 2027 GMT',
    })
    expect(Object.keys(SigningCertificate?.IssuerName ?? {})).toEqual([
      'commonName',
      'countryName',
      'organizationName',
    ])
    expect(SigningCertificate?.Signature).toMatch(/^30(?::[0-9A-F]{2}){100,105}$/)
  })

  it('is verified by the first certificate of a file with text and a chain', async () => {
    const chain = `Certificate:\n  a text\n${pair.certificate}${other.certificate}`
    const image = await read(signed(pcrInfo(PCR0), { certificate: chain }))
    expect([image.SignatureCheck, image.Measurements.PCR8]).toEqual([true, register(pair.der)])
  })

  it('holds though its certificate has expired: dates are shown, not judged', async () => {
    const { certificate, privateKey } = await makePair('P-384', {
      notAfter: new Date('2026-03-02T00:00:00Z'),
    })
    const image = await read(signed(pcrInfo(PCR0), { certificate, key: privateKey }))
    expect(image.SignatureCheck).toBe(true)
    expect(image.SigningCertificate?.NotAfter).toBe('Mar  2 00:00:00 2026 GMT')
  })
})

describe('a signature that does not hold', () => {
  it.each([
    ['another PCR0', signed(pcrInfo(register('x')))],
    ['another register', signed(pcrInfo(PCR0, 1))],
    ['PCR0 and more', signed(Buffer.concat([pcrInfo(PCR0), Buffer.of(0)]))],
    ['no register at all', signed(Buffer.of(0x80))],
    ["another key than the certificate's", signed(pcrInfo(PCR0), { key: other.privateKey })],
  ])('is one over %s', async (_, section) => {
    const image = await read(section)
    expect(image).toMatchObject({ IsSigned: true, CheckCRC: true, SignatureCheck: false })
    expect(image.Warnings.join()).toMatch(/^the signature does not hold: /)
    expect(image.SigningCertificate).toBeDefined()
    expect(image.Measurements.PCR8).toBe(register(pair.der))
  })

  it('is one of ES384 under a key of another curve or kind', async () => {
    for (const kind of ['P-256', 'RSA'] as const) {
      const { certificate } = await makePair(kind)
      expect((await read(signed(pcrInfo(PCR0), { certificate }))).SignatureCheck).toBe(false)
    }
  })
})

describe('a signature that cannot be read', () => {
  /** Its last byte takes two in CBOR: it is not below 24. */
  let good = signed(pcrInfo(PCR0))
  while (good.at(-2) !== 0x18) good = signed(pcrInfo(PCR0))
  it.each<[string, Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['no CBOR', Buffer.from('text')],
    ['CBOR that ends early', good.subarray(0, -1)],
    ['bytes after the CBOR', Buffer.concat([good, Buffer.of(0)])],
    ['an empty array', Buffer.of(0x80)],
    ['an array of two', Buffer.concat([Buffer.of(0x82), good.subarray(1), good.subarray(1)])],
    ['a map', good.subarray(1)],
    ['an array of a number', Buffer.of(0x81, 0x01)],
    [
      'byte strings instead of arrays',
      Buffer.from('81a2737369676e696e675f636572746966696361746540697369676e617475726540', 'hex'),
    ],
    ['a byte that is 256 more', Buffer.concat([good.subarray(0, -2), Buffer.of(0x19, 1), good.subarray(-1)])],
    ['a byte that is negative', Buffer.concat([good.subarray(0, -2), Buffer.of(0x38), good.subarray(-1)])],
    [
      'a certificate that is none',
      signatureSection('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', Buffer.of(1)),
    ],
    ['a certificate in DER', signatureSection(pair.der, coseSign1(pcrInfo(PCR0), pair.privateKey))],
    ['a private key instead of a certificate', signatureSection(pair.keyText, Buffer.of(1))],
    ['a hundred thousand items', Buffer.concat([Buffer.from('9a000186a0', 'hex'), Buffer.alloc(100_000)])],
  ])('is a warning: %s', async (_, section) => {
    const image = await read(section)
    expect(image).toMatchObject({ IsSigned: true, CheckCRC: true, SignatureCheck: false })
    expect(image.Warnings).toHaveLength(1)
    expect(image.Warnings[0]).toMatch(/^the signature cannot be read: /)
    expect(image.Measurements).not.toHaveProperty('PCR8')
  })

  it('has a certificate, when only its COSE_Sign1 is malformed', async () => {
    const image = await read(signatureSection(pair.certificate, Buffer.from('text')))
    expect(image).toMatchObject({ SignatureCheck: false, Measurements: { PCR8: register(pair.der) } })
  })
})

withOpenSsl('the certificate, as OpenSSL shows it', (openssl) => {
  it.each([
    'CN=a, O=b, OU=c, L=d, ST=e, C=US',
    'E=a@b.c, DC=example, CN=Zoë',
    '2.5.4.97=x, 1.2.3.4.5=y, SN=z',
  ])(
    'has the issuer %s under the same names, and the same dates, algorithm and signature',
    async (issuer) => {
      const { certificate, privateKey, der } = await makePair('P-384', { issuer, hash: 'SHA-256' })
      const { SigningCertificate } = await read(signed(pcrInfo(PCR0), { certificate, key: privateKey }))
      const text = openssl.text(
        [
          'x509',
          '-in',
          '{cert}',
          '-noout',
          '-issuer',
          '-dates',
          '-text',
          '-nameopt',
          'lname,sep_multiline,utf8',
        ],
        { cert: pem('CERTIFICATE', der) },
      )
      const block = /issuer=\n([\s\S]*?)notBefore/.exec(text)?.[1] ?? ''
      const names = block
        .trim()
        .split('\n')
        .map((line) => line.trim().split('='))
      expect(SigningCertificate?.IssuerName).toEqual(Object.fromEntries(names))
      expect(text).toContain(`notBefore=${SigningCertificate?.NotBefore}\n`)
      expect(text).toContain(`notAfter=${SigningCertificate?.NotAfter}\n`)
      expect(text).toContain(`Signature Algorithm: ${SigningCertificate?.Algorithm}\n`)
      const value = text.slice(text.lastIndexOf('Signature Value:') + 16).replace(/\s/g, '')
      expect(SigningCertificate?.Signature).toBe(value.toUpperCase())
    },
  )
})
