import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { amazonTrustAnchors } from '../../../enclave/kms/trust-anchors.js'
import { OperationError } from '../../../shared/errors.js'

const NAMES = [
  'Amazon Root CA 1',
  'Amazon Root CA 2',
  'Amazon Root CA 3',
  'Amazon Root CA 4',
  'Starfield Services Root Certificate Authority - G2',
]

const commonName = (pem: string) => new X509Certificate(pem).subject.split('\n').at(-1)

describe('amazonTrustAnchors', () => {
  it('finds exactly the five in this Node, self-signed', () => {
    const anchors = amazonTrustAnchors()
    expect(anchors.map(commonName)).toEqual(NAMES.map((name) => `CN=${name}`))
    for (const pem of anchors) {
      const root = new X509Certificate(pem)
      expect(root.verify(root.publicKey)).toBe(true)
    }
  })

  it.each(NAMES)('names %s when it is missing', (name) => {
    const without = rootCertificates.filter((pem) => commonName(pem) !== `CN=${name}`)
    expect(without).toHaveLength(rootCertificates.length - 1)
    expect(() => amazonTrustAnchors(without)).toThrow(
      expect.objectContaining({ code: 'ERR_TRUST_ANCHOR_MISSING', message: expect.stringContaining(name) }),
    )
  })

  it('names all that are missing', () => {
    expect(() => amazonTrustAnchors(amazonTrustAnchors().slice(2))).toThrow(
      expect.objectContaining({
        message: "not in this Node's list: Amazon Root CA 1, Amazon Root CA 2",
      }),
    )
  })

  it('is not content with the name', () => {
    const [first = '', ...rest] = amazonTrustAnchors()
    const damaged = Buffer.from(first.replace(/-----[A-Z ]+-----/g, ''), 'base64')
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    const pem = `-----BEGIN CERTIFICATE-----\n${damaged.toString('base64')}\n-----END CERTIFICATE-----\n`
    expect(() => amazonTrustAnchors([pem, ...rest])).toThrow(OperationError)
  })
})
