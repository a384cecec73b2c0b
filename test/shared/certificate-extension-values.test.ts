import { describe, expect, it } from 'vitest'
import { TAG } from '../../shared/asn1.js'
import { parseCertificate } from '../../shared/certificate.js'
import { buildChain, editExtensions, extension } from '../support/certificates.js'
import { code } from '../support/errors.js'

const BASIC_CONSTRAINTS = '551d13'
const KEY_USAGE = '551d0f'

async function withExtension(oid: string, value: string): Promise<Uint8Array> {
  const { certificate } = await buildChain({
    leaf: { edit: editExtensions(() => [extension(oid, value, true)]) },
  })
  return certificate
}

describe('a path length', () => {
  it.each([0, 1, 127])('may be %i', async (pathLength) => {
    const certificate = await withExtension(
      BASIC_CONSTRAINTS,
      `30060101ff0201${pathLength.toString(16).padStart(2, '0')}`,
    )
    expect(parseCertificate(certificate).basicConstraints).toEqual({ ca: true, pathLength })
  })

  it.each(['80', '81', 'ff'])('is not negative: %s', async (byte) => {
    const certificate = await withExtension(BASIC_CONSTRAINTS, `30060101ff0201${byte}`)
    expect(await code(() => parseCertificate(certificate))).toBe('ERR_CERTIFICATE_MALFORMED')
  })
})

describe('a key usage', () => {
  it.each([
    ['0780', true, false],
    ['0204', false, true],
    ['0284', true, true],
    ['010a', false, false],
    ['00ff', true, true],
    ['078080', true, false],
  ])('%s: digitalSignature %s, keyCertSign %s', async (bits, digitalSignature, keyCertSign) => {
    const value = Buffer.from(bits, 'hex')
    const certificate = await withExtension(
      KEY_USAGE,
      `03${value.length.toString(16).padStart(2, '0')}${bits}`,
    )
    expect(parseCertificate(certificate).keyUsage).toEqual({ digitalSignature, keyCertSign })
  })

  it('is a bit string, and no other that has the same bytes', async () => {
    for (const tag of [TAG.OCTET_STRING, 10]) {
      const certificate = await withExtension(KEY_USAGE, Buffer.from([tag, 2, 7, 0x80]).toString('hex'))
      expect(await code(() => parseCertificate(certificate))).toBe('ERR_CERTIFICATE_MALFORMED')
    }
  })
})
