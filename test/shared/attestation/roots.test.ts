import { createHash, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { AWS_NITRO_ROOT, readCertificate } from '../../../shared/attestation/roots.js'
import { UsageError } from '../../../shared/errors.js'
import { refusal } from '../../support/errors.js'
import { readVector, withVectors } from '../../support/vectors.js'

const readRoot = (root: unknown) => readCertificate(root, 'root')
const FINGERPRINT = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b'
const BODY = AWS_NITRO_ROOT.replace(/-----[^-]+-----/g, '')
const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`

describe('the AWS Nitro Enclaves root G1', () => {
  it('is the one whose fingerprint AWS publishes', () => {
    expect(createHash('sha256').update(readRoot(AWS_NITRO_ROOT)).digest('hex')).toBe(FINGERPRINT)
  })

  it('is the certificate that Node reads from the same text', () => {
    const { raw, subject } = new X509Certificate(AWS_NITRO_ROOT)
    expect(Buffer.compare(raw, readRoot(AWS_NITRO_ROOT))).toBe(0)
    expect(subject).toContain('CN=aws.nitro-enclaves')
  })

  withVectors('as a file', (directory) => {
    it('equals the DER file, and the PEM file read', () => {
      const der = readVector(directory, 'certs/aws-nitro-root-g1.der')
      const text = Buffer.from(readVector(directory, 'certs/aws-nitro-root-g1.pem')).toString()
      expect(Buffer.compare(readRoot(AWS_NITRO_ROOT), der)).toBe(0)
      expect(Buffer.compare(readRoot(text), der)).toBe(0)
    })
  })
})

describe('reading a root', () => {
  it('takes DER as it is', () => {
    const der = Uint8Array.of(1, 2, 3)
    expect(readRoot(der)).toEqual(der)
  })

  it('takes PEM with any line breaks and space around it', () => {
    const expected = readRoot(AWS_NITRO_ROOT)
    expect(readRoot(`\r\n  ${AWS_NITRO_ROOT.replaceAll('\n', '\r\n')}  \n`)).toEqual(expected)
    expect(readRoot(pem(BODY.replaceAll('\n', '')))).toEqual(expected)
  })

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['two certificates', AWS_NITRO_ROOT + AWS_NITRO_ROOT],
    ['text before the certificate', `root:\n${AWS_NITRO_ROOT}`],
    ['text after the certificate', `${AWS_NITRO_ROOT}root`],
    ['base64 without its armour', BODY],
    ['a private key', pem(BODY).replaceAll('CERTIFICATE', 'PRIVATE KEY')],
    ['an armour around nothing', pem('')],
    ['base64 with a sign of another alphabet', pem(BODY.replaceAll('+', '-'))],
    ['base64 cut short', pem(BODY.trim().slice(0, -2))],
    ['base64 with padding in the middle', pem(`AA==${BODY.trim()}`)],
    ['a path', '/etc/root.pem'],
    ['no bytes', new Uint8Array(0)],
    ['a number', 1],
    ['null', null],
    ['an object', { pem: AWS_NITRO_ROOT }],
    ['a list of one', [AWS_NITRO_ROOT]],
  ])('refuses %s', async (_, root) => {
    const error = await refusal(() => readRoot(root))
    expect(error).toBeInstanceOf(UsageError)
    expect(error.code).toBe('ERR_USAGE')
  })
})
