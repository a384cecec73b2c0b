import { beforeAll, describe, expect, it } from 'vitest'
import { type Asn1Value, constructed, primitive, TAG } from '../../shared/asn1.js'
import { verifyCertificatePath } from '../../shared/certificate-path.js'
import { nodePrimitives } from '../../shared/crypto/node.js'
import {
  buildChain,
  type Chain,
  type Difference,
  Extension,
  FROM,
  KeyUsageFlags,
  keysOf,
  makeKeys,
  makeRsaKeys,
  NOW,
  PLACES,
  type Place,
  TO,
} from '../support/certificates.js'
import { code, refusal } from '../support/errors.js'

const AUTHORITIES = PLACES.filter((place) => place !== 'leaf')

const verifyUnder = async ({ certificate, cabundle }: Chain, roots: readonly Uint8Array[], at = NOW) => {
  const path = { certificate, cabundle, roots, at }
  return (await verifyCertificatePath(path, nodePrimitives)).certificates
}
const verify = (chain: Chain, at = NOW) => verifyUnder(chain, [chain.root], at)
const refusedWith = async (differences: Partial<Record<Place, Difference>>, at = NOW) => {
  const chain = await buildChain(differences)
  return await code(() => verify(chain, at))
}
const later = (date: Date, milliseconds: number) => new Date(date.getTime() + milliseconds)

let good: Chain
beforeAll(async () => {
  good = await buildChain()
})

describe('a good path', () => {
  it('is returned from the root to the leaf', async () => {
    const names = (await verify(good)).map(({ subjectName }) => subjectName)
    expect(names).toEqual(PLACES.map((place) => `C=US, O=test, CN=${place}.test`))
  })

  it('needs one of several roots', async () => {
    expect(await verifyUnder(good, [Uint8Array.of(1), good.certificate, good.root])).toHaveLength(5)
  })

  it('is good at the very first and the very last moment', async () => {
    expect(await verify(good, FROM)).toHaveLength(5)
    expect(await verify(good, TO)).toHaveLength(5)
  })

  it('may be as long as the path lengths allow', async () => {
    expect(await verify(await buildChain({ root: { pathLength: 3 } }))).toHaveLength(5)
  })
})

describe('the root', () => {
  it('is not trusted for its name', async () => {
    const other = await buildChain({ root: { keys: await makeKeys() } })
    const chain = { ...other, root: good.root }
    expect(await code(() => verify(chain))).toBe('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it('is not trusted for its name and its key: the certificate itself is pinned', async () => {
    const other = await buildChain({ root: { notAfter: later(TO, 1000) } })
    expect(await code(() => verify({ ...other, root: good.root }))).toBe('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it('vouches for nothing that another key of its name has signed', async () => {
    const other = await buildChain({ root: { keys: await makeKeys() } })
    const cabundle = [good.root, ...other.cabundle.slice(1)]
    expect(await code(() => verify({ ...good, cabundle }))).toBe('ERR_CERTIFICATE_SIGNATURE')
  })

  it('is not found anywhere but in the first place', async () => {
    const other = await buildChain({ root: { keys: await makeKeys() } })
    const cabundle = [other.root, ...good.cabundle]
    expect(await code(() => verify({ ...good, cabundle }))).toBe('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it('is missing in an empty bundle', async () => {
    expect(await code(() => verify({ ...good, cabundle: [] }))).toBe('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it('is nobody when no roots are trusted', async () => {
    expect(await code(() => verifyUnder(good, []))).toBe('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it.each([
    ['as the leaf, too', ({ root }: Chain) => ({ cabundle: [root], certificate: root })],
    ['twice in the bundle', ({ root, cabundle }: Chain) => ({ cabundle: [root, ...cabundle] })],
    [
      'that is a leaf, trusted by mistake',
      ({ certificate }: Chain) => ({ cabundle: [certificate], root: certificate }),
    ],
  ])('does not vouch for itself: %s', async (_, differing) => {
    expect(await code(() => verify({ ...good, ...differing(good) }))).toBe('ERR_CERTIFICATE_REPEATED')
  })
})

describe('a key', () => {
  it.each(PLACES.slice(1))(
    'that is no point of the curve is refused in the %s certificate',
    async (place) => {
      const edit = (fields: readonly Asn1Value[]) =>
        fields.map((field, i) => (i === 6 ? offTheCurve(field) : field))
      expect(await refusedWith({ [place]: { edit } })).toBe('ERR_CERTIFICATE_MALFORMED')
    },
  )
})

function offTheCurve(publicKeyInfo: Asn1Value): Asn1Value {
  const [algorithm, point] = publicKeyInfo.children
  const bytes = Buffer.from(point?.content ?? [])
  bytes[97] = (bytes[97] ?? 0) ^ 1
  return constructed(TAG.SEQUENCE, [algorithm ?? publicKeyInfo, primitive(TAG.BIT_STRING, bytes)])
}

describe('who issued whom', () => {
  it.each(PLACES.slice(1))('refuses another issuer name in the %s certificate', async (place) => {
    expect(await refusedWith({ [place]: { issuerName: 'C=US, O=test, CN=other.test' } })).toBe(
      'ERR_CERTIFICATE_ISSUER',
    )
  })

  it('compares names by their bytes: the same text in another string type is another name', async () => {
    const text = Buffer.from('zonal.test').toString('hex')
    const chain = await buildChain({
      zonal: { name: `CN=#0c0a${text}` },
      instance: { issuerName: `CN=#130a${text}` },
    })
    const error = await refusal(() => verify(chain))
    expect(error.code).toBe('ERR_CERTIFICATE_ISSUER')
    expect(error.message).toContain('CN=zonal.test')
  })

  it('compares the order of attributes too', async () => {
    expect(
      await refusedWith({
        zonal: { name: 'C=US, CN=zonal.test' },
        instance: { issuerName: 'CN=zonal.test, C=US' },
      }),
    ).toBe('ERR_CERTIFICATE_ISSUER')
  })

  it('follows names whose attributes stand in any order', async () => {
    const chain = await buildChain({ zonal: { name: 'CN=zonal.test, O=test, C=US, ST=WA' } })
    expect(await verify(chain)).toHaveLength(5)
  })

  it.each(PLACES.slice(1))('refuses the %s certificate when another key has signed it', async (place) => {
    expect(await refusedWith({ [place]: { signedBy: await makeKeys() } })).toBe('ERR_CERTIFICATE_SIGNATURE')
  })

  it('refuses a certificate that was changed after it was signed', async () => {
    const certificate = Uint8Array.from(good.certificate)
    const name = Buffer.from(certificate).indexOf('leaf.test')
    certificate.set(Buffer.from('lead.test'), name)
    expect(await code(() => verify({ ...good, certificate }))).toBe('ERR_CERTIFICATE_SIGNATURE')
  })

  it('refuses a bundle in another order', async () => {
    const [root, regional, zonal, instance] = good.cabundle as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    const cabundle = [root, zonal, regional, instance]
    expect(await code(() => verify({ ...good, cabundle }))).toBe('ERR_CERTIFICATE_ISSUER')
  })

  it('refuses a bundle from the leaf up', async () => {
    const cabundle = [...good.cabundle].reverse()
    expect(await code(() => verify({ ...good, cabundle }))).toBe('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it.each([1, 2, 3])('refuses a bundle without its certificate %i', async (index) => {
    const cabundle = good.cabundle.filter((_, position) => position !== index)
    expect(await code(() => verify({ ...good, cabundle }))).toBe('ERR_CERTIFICATE_ISSUER')
  })

  it.each([1, 2, 3, 4])('refuses a stranger at place %i of the bundle', async (index) => {
    const stranger = await buildChain({ root: { name: 'CN=stranger' } })
    const cabundle = [...good.cabundle]
    cabundle.splice(index, 0, stranger.root)
    expect(await code(() => verify({ ...good, cabundle }))).toBe('ERR_CERTIFICATE_ISSUER')
  })
})

describe('dates', () => {
  it.each(PLACES)('refuses an expired %s certificate', async (place) => {
    const notAfter = later(NOW, -1000)
    expect(await refusedWith({ [place]: { notAfter } })).toBe('ERR_CERTIFICATE_EXPIRED')
  })

  it.each(PLACES)('refuses a %s certificate that is not valid yet', async (place) => {
    const notBefore = later(NOW, 1000)
    expect(await refusedWith({ [place]: { notBefore } })).toBe('ERR_CERTIFICATE_NOT_YET_VALID')
  })

  it('are kept to the millisecond', async () => {
    expect(await code(() => verify(good, later(FROM, -1)))).toBe('ERR_CERTIFICATE_NOT_YET_VALID')
    expect(await code(() => verify(good, later(TO, 1)))).toBe('ERR_CERTIFICATE_EXPIRED')
  })

  it('of the leaf alone may be ahead of a clock that goes wrong by so much', async () => {
    const under = async (place: Place, clockTolerance: number) => {
      const { certificate, cabundle, root } = await buildChain({ [place]: { notBefore: later(NOW, 1000) } })
      const path = { certificate, cabundle, roots: [root], at: NOW, clockTolerance }
      return await verifyCertificatePath(path, nodePrimitives)
    }
    expect((await under('leaf', 1000)).certificates).toHaveLength(5)
    expect(await code(() => under('leaf', 999))).toBe('ERR_CERTIFICATE_NOT_YET_VALID')
    expect(await code(() => under('instance', 1000))).toBe('ERR_CERTIFICATE_NOT_YET_VALID')
  })

  it('are not passed by a time that is none', async () => {
    await expect(verify(good, new Date(Number.NaN))).rejects.toThrow()
  })

  it('are named together with the certificate and the time of verification', async () => {
    const { message } = await refusal(() => verify(good, later(TO, 1)))
    expect(message).toContain('CN=root.test')
    expect(message).toContain('2026-03-02T00:00:00.000Z')
    expect(message).toContain('2026-03-02T00:00:00.001Z')
  })
})

describe('what an authority may do', () => {
  it.each(AUTHORITIES)('refuses a %s certificate that is no CA', async (place) => {
    expect(await refusedWith({ [place]: { ca: false, pathLength: null } })).toBe('ERR_CERTIFICATE_NOT_CA')
  })

  it.each(AUTHORITIES)('refuses a %s certificate without basicConstraints', async (place) => {
    expect(await refusedWith({ [place]: { withoutConstraints: true } })).toBe('ERR_CERTIFICATE_NOT_CA')
  })

  it.each(AUTHORITIES)('refuses a %s certificate without keyCertSign', async (place) => {
    const usages = KeyUsageFlags.digitalSignature | KeyUsageFlags.cRLSign
    expect(await refusedWith({ [place]: { usages } })).toBe('ERR_CERTIFICATE_KEY_USAGE')
  })

  it.each(AUTHORITIES)('refuses a %s certificate without keyUsage', async (place) => {
    expect(await refusedWith({ [place]: { usages: null } })).toBe('ERR_CERTIFICATE_KEY_USAGE')
  })

  it.each([
    ['root', 2],
    ['regional', 1],
    ['zonal', 0],
  ] as const)('refuses a path below the %s certificate that is longer than %i', async (place, pathLength) => {
    expect(await refusedWith({ [place]: { pathLength } })).toBe('ERR_CERTIFICATE_PATH_LENGTH')
  })

  it.each(PLACES)('refuses an unknown critical extension in the %s certificate', async (place) => {
    const more = [new Extension('1.2.3.4', true, Uint8Array.of(5, 0))]
    expect(await refusedWith({ [place]: { more } })).toBe('ERR_CERTIFICATE_CRITICAL_EXTENSION')
  })

  it.each(PLACES)(
    'refuses name constraints, which nobody here enforces, in the %s certificate',
    async (place) => {
      const more = [new Extension('2.5.29.30', true, Uint8Array.of(0x30, 0))]
      expect(await refusedWith({ [place]: { more } })).toBe('ERR_CERTIFICATE_CRITICAL_EXTENSION')
    },
  )
})

describe('what a leaf may do', () => {
  it('refuses a leaf that is a CA', async () => {
    expect(await refusedWith({ leaf: { ca: true } })).toBe('ERR_CERTIFICATE_IS_CA')
  })

  it('refuses an authority in the place of the leaf', async () => {
    const [root, regional, zonal] = good.cabundle as [Uint8Array, Uint8Array, Uint8Array]
    const chain = { ...good, cabundle: [root, regional], certificate: zonal }
    expect(await code(() => verify(chain))).toBe('ERR_CERTIFICATE_IS_CA')
  })

  it('refuses a leaf without digitalSignature', async () => {
    expect(await refusedWith({ leaf: { usages: KeyUsageFlags.nonRepudiation } })).toBe(
      'ERR_CERTIFICATE_KEY_USAGE',
    )
  })

  it('refuses a leaf without keyUsage', async () => {
    expect(await refusedWith({ leaf: { usages: null } })).toBe('ERR_CERTIFICATE_KEY_USAGE')
  })

  it('refuses a leaf in the bundle that signs another leaf', async () => {
    const unlimited = { pathLength: null }
    const above = await buildChain({ regional: unlimited, zonal: unlimited, instance: unlimited })
    const name = 'C=US, O=test, CN=leaf.test'
    const below = await buildChain({ instance: { keys: await keysOf('leaf'), name } })
    const cabundle = [...above.cabundle, above.certificate]
    expect(await code(() => verify({ ...above, cabundle, certificate: below.certificate }))).toBe(
      'ERR_CERTIFICATE_NOT_CA',
    )
  })
})

describe('algorithms anywhere in the path', () => {
  it.each(PLACES)('refuses a %s certificate signed over SHA-256', async (place) => {
    expect(await refusedWith({ [place]: { hash: 'SHA-256' } })).toBe('ERR_CERTIFICATE_ALGORITHM')
  })

  it.each(PLACES)('refuses a key of the %s certificate on P-256', async (place) => {
    expect(await refusedWith({ [place]: { keys: await makeKeys('P-256') } })).toBe(
      'ERR_CERTIFICATE_ALGORITHM',
    )
  })

  it('refuses an RSA key of the leaf', async () => {
    expect(await refusedWith({ leaf: { keys: await makeRsaKeys() } })).toBe('ERR_CERTIFICATE_ALGORITHM')
  })
})
