import { beforeAll, describe, expect, it } from 'vitest'
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
