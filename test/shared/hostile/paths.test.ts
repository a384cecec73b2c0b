/** Bundles whose certificates are each good, and whose path is none, or not that of the root that is trusted. */
import { beforeAll, describe, expect, it } from 'vitest'
import { verifyAttestation } from '../../../shared/attestation/index.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { signedBy } from '../../support/attestations.js'
import {
  buildChain,
  type Chain,
  type Difference,
  keysOf,
  makeKeys,
  NOW,
  PLACES,
  type Place,
} from '../../support/certificates.js'
import { refusal } from '../../support/errors.js'
import { verdictUnder } from './verdict.js'

const ROOT = 'C=US, O=test, CN=root.test'
const unlimited: Difference = { pathLength: null }

let good: Chain
beforeAll(async () => {
  good = await buildChain({ regional: unlimited, zonal: unlimited, instance: unlimited })
})

type Bundle = readonly [root: Uint8Array, regional: Uint8Array, zonal: Uint8Array, instance: Uint8Array]
const bundle = () => good.cabundle as unknown as Bundle
const under = (...cabundle: Uint8Array[]): Chain => ({ ...good, cabundle })

describe('a bundle', () => {
  it.each<[string, () => Chain | Promise<Chain>, ErrorCode]>([
    ['from the leaf up', () => under(...bundle().toReversed()), 'ERR_CERTIFICATE_UNTRUSTED_ROOT'],
    [
      'with two authorities exchanged',
      () => under(...[0, 2, 1, 3].map((index) => bundle()[index] ?? bundle()[0])),
      'ERR_CERTIFICATE_ISSUER',
    ],
    ['without its root', () => under(...bundle().slice(1)), 'ERR_CERTIFICATE_UNTRUSTED_ROOT'],
    ['with the root alone', () => under(bundle()[0]), 'ERR_CERTIFICATE_ISSUER'],
    ['without its last authority', () => under(...bundle().slice(0, 3)), 'ERR_CERTIFICATE_ISSUER'],
    [
      'with the root twice, which vouches for itself',
      () => under(bundle()[0], ...bundle()),
      'ERR_CERTIFICATE_REPEATED',
    ],
    ['with its last authority twice', () => under(...bundle(), bundle()[3]), 'ERR_CERTIFICATE_REPEATED'],
    ['with the root at its end too', () => under(...bundle(), bundle()[0]), 'ERR_CERTIFICATE_REPEATED'],
    ['with the leaf at its end too', () => under(...bundle(), good.certificate), 'ERR_CERTIFICATE_REPEATED'],
    [
      'with a stranger at its end',
      async () => under(...bundle(), (await stranger()).root),
      'ERR_CERTIFICATE_ISSUER',
    ],
    [
      'with a stranger before its root',
      async () => under((await stranger()).root, ...bundle()),
      'ERR_CERTIFICATE_UNTRUSTED_ROOT',
    ],
    [
      'with an authority of another chain of the same names',
      async () => under(...bundle().with(2, (await rekeyed('zonal')).cabundle[2] ?? bundle()[2])),
      'ERR_CERTIFICATE_SIGNATURE',
    ],
    [
      'under a second root of the same name',
      async () => ({ ...(await rekeyed('root')), root: good.root }),
      'ERR_CERTIFICATE_UNTRUSTED_ROOT',
    ],
    [
      'whose first authority a second root of the same name signed',
      async () => under(bundle()[0], ...(await rekeyed('root')).cabundle.slice(1)),
      'ERR_CERTIFICATE_SIGNATURE',
    ],
    [
      'with an authority in the place of the leaf',
      () => ({ ...under(...bundle().slice(0, 3)), certificate: bundle()[3] }),
      'ERR_CERTIFICATE_IS_CA',
    ],
    [
      'with the root in the place of the leaf',
      () => ({ ...under(bundle()[0]), certificate: bundle()[0] }),
      'ERR_CERTIFICATE_REPEATED',
    ],
  ])('%s is refused', async (_, chain, code) => {
    expect(await verdictUnder(await chain())).toBe(code)
    expect(await verdictUnder(good)).toBe('accepted')
  })

  it('of a leaf that trusts itself is refused, whoever pinned it', async () => {
    const leafKeys = await keysOf('leaf')
    const alone = await buildChain({ leaf: { name: ROOT, issuerName: ROOT, signedBy: leafKeys } })
    const chain = { ...alone, cabundle: [alone.certificate], root: alone.certificate }
    expect(await verdictUnder(chain)).toBe('ERR_CERTIFICATE_REPEATED')
  })
})

describe('dates', () => {
  it.each(
    PLACES.flatMap((place) => [
      [place, 'expired', { notAfter: new Date(NOW.getTime() - 1000) }, 'ERR_CERTIFICATE_EXPIRED'] as const,
      [
        place,
        'not valid yet',
        { notBefore: new Date(NOW.getTime() + 61_000) },
        'ERR_CERTIFICATE_NOT_YET_VALID',
      ] as const,
    ]),
  )('name the %s that is %s', async (place, _, difference, code) => {
    const chain = await buildChain({ [place]: difference })
    const error = await refusal(() => verifyAttestation(signedBy(chain), { roots: [chain.root], now: NOW }))
    expect(error.code).toBe(code)
    expect(error.message).toContain(`CN=${place}.test`)
    expect(error.message).toContain(NOW.toISOString())
  })
})

it('a leaf that trusts itself is not an authority either', async () => {
  const leaf = await buildChain({ leaf: { name: ROOT, issuerName: ROOT, signedBy: await keysOf('leaf') } })
  const other = await buildChain({ leaf: { issuerName: ROOT, signedBy: await keysOf('leaf') } })
  const chain = { ...other, cabundle: [leaf.certificate], root: leaf.certificate }
  expect(await verdictUnder(chain)).toBe('ERR_CERTIFICATE_NOT_CA')
})

function stranger(): Promise<Chain> {
  return buildChain({ root: { name: 'CN=stranger' } })
}

/** The same names, and another key at one place. */
async function rekeyed(place: Place): Promise<Chain> {
  return await buildChain({
    regional: unlimited,
    zonal: unlimited,
    instance: unlimited,
    [place]: { ...unlimited, keys: await makeKeys() },
  })
}
