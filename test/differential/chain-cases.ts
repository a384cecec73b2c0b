/** Chains that differ from a good one in one thing, which was signed again. */
import { type Asn1Value, constructed, primitive, TAG } from '../../shared/asn1.js'
import {
  buildChain,
  type Chain,
  type Difference,
  editExtensions,
  extension,
  FROM,
  KeyUsageFlags,
  makeKeys,
  makeRsaKeys,
  NOW,
  PLACES,
  type Place,
  TO,
} from '../support/certificates.js'

export interface ChainCase {
  readonly name: string
  /** Root first, as a document has them. */
  readonly cabundle: readonly Uint8Array[]
  readonly certificate: Uint8Array
  readonly root: Uint8Array
  readonly at: Date
}

const SECOND = 1000

/** A field of the TBSCertificate replaced: 0 is the version, 1 the serial number. */
const field = (index: number, value: Asn1Value): Difference => ({
  edit: (fields) => fields.with(index, value),
})
const more = (...extensions: readonly Asn1Value[]): Difference => ({
  edit: editExtensions((list) => [...list, ...extensions]),
})
const integer = (...content: readonly number[]) => primitive(TAG.INTEGER, Uint8Array.from(content))

const UNKNOWN = '2a0304'
const SUBJECT_KEY_IDENTIFIER = '551d0e'
const BASIC_CONSTRAINTS = '551d13'
const NAME_CONSTRAINTS = '551d1e'
const AUTHORITY_KEY_IDENTIFIER = '551d23'
const EXTENDED_KEY_USAGE = '551d25'
const SERVER = '300a06082b06010505070301'

/** What is changed in one certificate; its name and its key are not. */
const CHANGES: Readonly<Record<string, Difference>> = {
  'not yet valid': { notBefore: new Date(NOW.getTime() + SECOND) },
  expired: { notAfter: new Date(NOW.getTime() - SECOND) },
  'valid from this second': { notBefore: NOW },
  'valid to this second': { notAfter: NOW },
  'no basicConstraints': { withoutConstraints: true },
  'no CA': { ca: false, pathLength: null },
  'no keyUsage': { usages: null },
  'keyUsage without keyCertSign': { usages: KeyUsageFlags.digitalSignature },
  'keyUsage without digitalSignature': { usages: KeyUsageFlags.keyCertSign },
  'path length 0': { pathLength: 0 },
  'SHA-256': { hash: 'SHA-256' },
  'an unknown extension': more(extension(UNKNOWN, '0500')),
  'an unknown critical extension': more(extension(UNKNOWN, '0500', true)),
  'an unknown extension twice': more(extension(UNKNOWN, '0500'), extension(UNKNOWN, '0500')),
  'basicConstraints twice': more(extension(BASIC_CONSTRAINTS, '3000')),
  'extended key usage': more(extension(EXTENDED_KEY_USAGE, SERVER)),
  'critical extended key usage': more(extension(EXTENDED_KEY_USAGE, SERVER, true)),
  'name constraints': more(
    extension(NAME_CONSTRAINTS, '3019a0173015a4133011310f300d06035504030c066f746865722e'),
  ),
  'version 1': field(0, constructed(0, [integer(0)], 0x80)),
  'serial number 0': field(1, integer(0)),
  'a negative serial number': field(1, integer(0xff)),
  'a serial number of 21 bytes': field(1, integer(1, ...new Array<number>(20).fill(0))),
  "an issuer of another's name": { issuerName: 'C=US, O=test, CN=other.test' },
}

const BUNDLES: Readonly<Record<string, (bundle: readonly Uint8Array[]) => readonly Uint8Array[]>> = {
  'in reverse': (all) => all.toReversed(),
  'the root last': (all) => [...all.slice(1), ...all.slice(0, 1)],
  'two exchanged': (all) => [0, 2, 1, 3].map((index) => all[index] ?? new Uint8Array(0)),
  'without the root': (all) => all.slice(1),
  'without the instance': (all) => all.slice(0, -1),
  'without the zonal': (all) => all.filter((_, index) => index !== 2),
  'the root alone': (all) => all.slice(0, 1),
  'the root twice': (all) => [...all.slice(0, 1), ...all],
  'the instance twice': (all) => [...all, ...all.slice(-1)],
}

const TIMES: Readonly<Record<string, number>> = {
  'the first second': FROM.getTime(),
  'the second before it': FROM.getTime() - SECOND,
  'the last second': TO.getTime(),
  'the second after it': TO.getTime() + SECOND,
}

/** With changes in the certificates of `places`. */
export async function chainCases(places: readonly Place[] = PLACES): Promise<readonly ChainCase[]> {
  const good = await buildChain()
  const fromGood = (name: string, changed: Partial<ChainCase>): ChainCase => ({
    name,
    at: NOW,
    ...good,
    ...changed,
  })
  const built = async (
    name: string,
    differences: Partial<Record<Place, Difference>>,
  ): Promise<ChainCase> => ({
    name,
    at: NOW,
    ...(await buildChain(differences)),
  })
  const stranger = await buildChain({ root: { keys: await makeKeys(), name: 'CN=stranger' } })
  return [
    fromGood('as it should be', {}),
    ...(await changedCases(good, places)),
    ...(await Promise.all(
      places.flatMap((place) => [
        makeKeys('P-256').then((keys) => built(`${place}: a key on P-256`, { [place]: { keys } })),
        makeKeys().then((signedBy) => built(`${place}: signed by another's key`, { [place]: { signedBy } })),
      ]),
    )),
    await built('leaf: an RSA key', { leaf: { keys: await makeRsaKeys() } }),
    await built('leaf: a CA', { leaf: { ca: true } }),
    await built("zonal: its issuer's name in capitals", {
      zonal: { issuerName: 'C=US, O=TEST, CN=REGIONAL.TEST' },
    }),
    await built("zonal: a key identifier that is not its issuer's", {
      regional: more(extension(SUBJECT_KEY_IDENTIFIER, '0404deadbeef')),
      zonal: more(extension(AUTHORITY_KEY_IDENTIFIER, '30068004deadbeee')),
    }),
    ...Object.entries(BUNDLES).map(([name, change]) =>
      fromGood(`bundle: ${name}`, { cabundle: change(good.cabundle) }),
    ),
    fromGood("bundle: a stranger's root at its end", { cabundle: [...good.cabundle, stranger.root] }),
    fromGood("root: a stranger's", { root: stranger.root }),
    ...Object.entries(TIMES).map(([name, time]) => fromGood(`time: ${name}`, { at: new Date(time) })),
    fromGood('leaf: a byte after it', { certificate: Uint8Array.from([...good.certificate, 0]) }),
  ]
}

/** One chain has the change in all five certificates; each of these is then put into the good chain alone. */
async function changedCases(good: Chain, places: readonly Place[]): Promise<readonly ChainCase[]> {
  const cases = Object.entries(CHANGES).map(async ([name, change]) => {
    const changed = await buildChain(Object.fromEntries(PLACES.map((place) => [place, change])))
    return places.map((place): ChainCase => {
      const only = (der: Uint8Array, index: number) =>
        (PLACES[index] === place ? changed.cabundle[index] : undefined) ?? der
      return {
        name: `${place}: ${name}`,
        cabundle: good.cabundle.map(only),
        certificate: place === 'leaf' ? changed.certificate : good.certificate,
        root: place === 'root' ? changed.root : good.root,
        at: NOW,
      }
    })
  })
  return (await Promise.all(cases)).flat()
}
