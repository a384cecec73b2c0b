import { beforeAll, describe, expect, it } from 'vitest'
import { constructed, primitive, TAG } from '../../shared/asn1.js'
import { parseCertificate } from '../../shared/certificate.js'
import { verifyCertificatePath } from '../../shared/certificate-path.js'
import { nodePrimitives } from '../../shared/crypto/node.js'
import { OperationError } from '../../shared/errors.js'
import { buildChain, type Chain, NOW } from '../support/certificates.js'
import { code, refusal } from '../support/errors.js'

let good: Chain
beforeAll(async () => {
  good = await buildChain()
})

it('a certificate stays as it was read, whatever becomes of the bytes', () => {
  const bytes = Uint8Array.from(good.certificate)
  const certificate = parseCertificate(bytes)
  bytes.fill(0)
  expect(certificate).toEqual(parseCertificate(good.certificate))
})

it('a certificate that is signed with RSA is refused for that, and not for the parameters of RSA', async () => {
  const RSA = primitive(TAG.OBJECT_IDENTIFIER, Buffer.from('2a864886f70d01010c', 'hex'))
  const algorithm = constructed(TAG.SEQUENCE, [RSA, primitive(TAG.NULL, new Uint8Array(0))])
  const edit = <Field>(fields: readonly Field[]) => fields.map((field, i) => (i === 2 ? algorithm : field))
  const { certificate } = await buildChain({ leaf: { edit } })
  expect(await code(() => parseCertificate(certificate))).toBe('ERR_CERTIFICATE_ALGORITHM')
})

it.each(['80', '8001', 'ff'])('a serial number is not negative: %s', async (content) => {
  const serial = primitive(TAG.INTEGER, Buffer.from(content, 'hex'))
  const edit = <Field>(fields: readonly Field[]) => fields.map((field, i) => (i === 1 ? serial : field))
  const { certificate } = await buildChain({ leaf: { edit } })
  expect(await code(() => parseCertificate(certificate))).toBe('ERR_CERTIFICATE_MALFORMED')
})

describe('a path', () => {
  const pathOf = (...more: Uint8Array[]) => ({
    certificate: good.certificate,
    cabundle: [...good.cabundle, ...more],
    roots: [good.root],
    at: NOW,
  })
  const failing = (error: Error) => ({
    ...nodePrimitives,
    importKey: () => {
      throw error
    },
  })

  it('is refused for a key that the platform does not take', async () => {
    const primitives = failing(new TypeError('no point'))
    expect(await code(() => verifyCertificatePath(pathOf(), primitives))).toBe('ERR_CERTIFICATE_MALFORMED')
  })

  it('is not blamed for a platform that has no such keys', async () => {
    const error = new OperationError('ERR_WEBCRYPTO', 'no P-384 here')
    await expect(verifyCertificatePath(pathOf(), failing(error))).rejects.toBe(error)
  })

  it('says which of its certificates stands in it twice', async () => {
    const [root, regional] = good.cabundle
    const { message } = await refusal(() =>
      verifyCertificatePath(pathOf(regional ?? root ?? good.root), nodePrimitives),
    )
    expect(message).toMatch(/\b5 of 6\b/)
  })
})
