import { expect, it } from 'vitest'
import { parseCertificate } from '../../../shared/certificate.js'
import { code } from '../../support/errors.js'
import { chainOf, signedCertificate, tbsOf } from '../documents/chain.js'
import { writeTree } from '../mutators/ber.js'
import { nodesOf } from '../mutators/tree.js'

const [root = new Uint8Array(0)] = chainOf(0)

/** The root, but for the tag of the text in its names, and perhaps the text. */
function withTextOf(identifier: number, text?: Uint8Array): Uint8Array {
  const tbs = tbsOf(root)
  if (tbs === undefined) throw new Error('a certificate has three parts')
  for (const node of nodesOf(tbs)) {
    if (node.identifier !== 0x0c) continue
    node.identifier = identifier
    node.content = text ?? node.content
  }
  return signedCertificate(writeTree(tbs), new Uint8Array(97))
}

it('is read with names of UTF-8 and of printable characters', () => {
  expect(parseCertificate(withTextOf(0x0c)).subjectName).toBe('CN=root')
  expect(parseCertificate(withTextOf(0x13)).subjectName).toBe('CN=root')
})

it.each([0x8c, 0x04, 0x02, 0x1e])(
  'is refused with a name that is no text, as OpenSSL does: tag %i',
  async (identifier) => {
    expect(await code(() => parseCertificate(withTextOf(identifier)))).toBe('ERR_CERTIFICATE_MALFORMED')
  },
)

it('is refused with a name that is not UTF-8, as OpenSSL does', async () => {
  const certificate = withTextOf(0x0c, Uint8Array.of(0x61, 0xf4))
  expect(await code(() => parseCertificate(certificate))).toBe('ERR_CERTIFICATE_MALFORMED')
})
