import { describe, expect, it } from 'vitest'
import { parseCertificate } from '../../shared/certificate.js'
import { verifyCertificatePath } from '../../shared/certificate-path.js'
import { nodePrimitives } from '../../shared/crypto/node.js'
import { buildChain, NOW } from '../support/certificates.js'
import { code } from '../support/errors.js'

const bare = { edit: <Field>(fields: readonly Field[]) => fields.slice(0, 7) }

describe('a certificate without extensions', () => {
  it('is read, and says nothing of its uses', async () => {
    const { certificate } = await buildChain({ leaf: bare })
    const { basicConstraints, keyUsage } = parseCertificate(certificate)
    expect([basicConstraints, keyUsage]).toEqual([undefined, undefined])
  })

  it.each([
    ['leaf', 'ERR_CERTIFICATE_KEY_USAGE'],
    ['instance', 'ERR_CERTIFICATE_NOT_CA'],
    ['root', 'ERR_CERTIFICATE_NOT_CA'],
  ] as const)('is no good %s', async (place, expected) => {
    const { certificate, cabundle, root } = await buildChain({ [place]: bare })
    const path = { certificate, cabundle, roots: [root], at: NOW }
    expect(await code(() => verifyCertificatePath(path, nodePrimitives))).toBe(expected)
  })
})
