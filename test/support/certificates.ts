/** Certificate chains like the hardware's, made by an independent library, with one thing wrong at a time. */
import 'reflect-metadata'
import { createPrivateKey, type KeyObject, sign, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { type Asn1Value, constructed, primitive, TAG } from '../../shared/asn1.js'
import { readBer, writeDer } from '../../shared/ber.js'

export const { KeyUsageFlags, Extension } = x509
const P384 = { name: 'ECDSA', namedCurve: 'P-384' } as const
const SHA384 = { name: 'ECDSA', hash: 'SHA-384' } as const

export const NOW = new Date('2026-03-01T12:00:00.000Z')
export const PLACES = ['root', 'regional', 'zonal', 'instance', 'leaf'] as const
export type Place = (typeof PLACES)[number]

export interface Keys {
  readonly publicKey: webcrypto.CryptoKey
  readonly privateKey: webcrypto.CryptoKey
}

/** What may differ from a good certificate. */
export interface Difference {
  readonly name?: string | x509.JsonName
  readonly issuerName?: string | x509.JsonName
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly ca?: boolean
  /** Null for none. */
  readonly pathLength?: number | null
  /** Null for no extension at all. */
  readonly usages?: number | null
  readonly withoutConstraints?: boolean
  readonly more?: readonly x509.Extension[]
  readonly keys?: Keys
  readonly signedBy?: Keys
  readonly hash?: 'SHA-256' | 'SHA-384' | 'SHA-512'
  /** Changes the fields of the TBSCertificate before it is signed again. */
  readonly edit?: (fields: readonly Asn1Value[]) => readonly Asn1Value[]
}

export interface Chain {
  readonly cabundle: readonly Uint8Array[]
  readonly certificate: Uint8Array
  /** The root's DER. */
  readonly root: Uint8Array
  readonly leafKey: KeyObject
}

const CA_USAGES = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign
const USAGES: Readonly<Record<Place, number>> = {
  root: CA_USAGES,
  regional: CA_USAGES,
  zonal: CA_USAGES,
  instance: KeyUsageFlags.keyCertSign,
  leaf: KeyUsageFlags.digitalSignature | KeyUsageFlags.nonRepudiation,
}
const PATH_LENGTHS: Readonly<Partial<Record<Place, number>>> = { regional: 2, zonal: 1, instance: 0 }

export const FROM = new Date('2026-03-01T00:00:00Z')
export const TO = new Date('2026-03-02T00:00:00Z')

export function makeKeys(namedCurve: 'P-384' | 'P-256' = 'P-384'): Promise<Keys> {
  return webcrypto.subtle.generateKey({ ...P384, namedCurve }, true, ['sign', 'verify'])
}

export function makeRsaKeys(): Promise<Keys> {
  const publicExponent = Uint8Array.of(1, 0, 1)
  return webcrypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent, hash: 'SHA-384' },
    true,
    ['sign', 'verify'],
  )
}

const ownKeys = new Map<Place, Promise<Keys>>()

/** Every chain of a test file has the same five keys, so that certificates of two chains can be exchanged. */
export function keysOf(place: Place): Promise<Keys> {
  const keys = ownKeys.get(place) ?? makeKeys()
  ownKeys.set(place, keys)
  return keys
}

/** Of a chain without differences. */
const usualCertificates = new Map<Place, Promise<Uint8Array>>()

function usual(place: Place, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const certificate = usualCertificates.get(place) ?? make()
  usualCertificates.set(place, certificate)
  return certificate
}

/** Root, regional, zonal, instance, leaf; good but for the differences. Above the first of those it is the usual chain. */
export async function buildChain(differences: Partial<Record<Place, Difference>> = {}): Promise<Chain> {
  const built: Uint8Array[] = []
  let unchanged = true
  let issuer: { readonly keys: Keys; readonly name: string | x509.JsonName } | undefined
  for (const place of PLACES) {
    const difference = differences[place] ?? {}
    const name = difference.name ?? `C=US, O=test, CN=${place}.test`
    const keys = difference.keys ?? (await keysOf(place))
    const { keys: signer, name: issuerName } = issuer ?? { keys, name }
    const make = () => issue(place, { issuerName, signedBy: signer, ...difference, name, keys })
    unchanged &&= differences[place] === undefined
    built.push(await (unchanged ? usual(place, make) : make()))
    issuer = { keys, name }
  }
  const [certificate = new Uint8Array()] = built.splice(-1)
  const [root = new Uint8Array()] = built
  const leafKeys = differences.leaf?.keys ?? (await keysOf('leaf'))
  return { cabundle: built, certificate, root, leafKey: await keyObject(leafKeys) }
}

type Complete = Difference & Required<Pick<Difference, 'name' | 'issuerName' | 'keys' | 'signedBy'>>

async function issue(place: Place, difference: Complete): Promise<Uint8Array> {
  const { keys, signedBy, ca = place !== 'leaf', usages = USAGES[place] } = difference
  const { pathLength = PATH_LENGTHS[place] ?? null } = difference
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '4d2a',
    subject: difference.name,
    issuer: difference.issuerName,
    notBefore: difference.notBefore ?? FROM,
    notAfter: difference.notAfter ?? TO,
    publicKey: keys.publicKey,
    signingKey: signedBy.privateKey,
    signingAlgorithm: { ...SHA384, hash: difference.hash ?? 'SHA-384' },
    extensions: [
      ...(difference.withoutConstraints
        ? []
        : [new x509.BasicConstraintsExtension(ca, pathLength ?? undefined, true)]),
      ...(usages === null ? [] : [new x509.KeyUsagesExtension(usages, place !== 'leaf')]),
      ...(difference.more ?? []),
    ],
  })
  const der = new Uint8Array(certificate.rawData)
  return difference.edit === undefined ? der : resign(der, await keyObject(signedBy), difference.edit)
}

/** Signs a certificate again after a change that no library would make. */
function resign(
  der: Uint8Array,
  key: KeyObject,
  edit: (fields: readonly Asn1Value[]) => readonly Asn1Value[],
): Uint8Array {
  const [tbs, algorithm] = readBer(der).children
  if (tbs === undefined || algorithm === undefined) throw new Error('a certificate has three parts')
  const edited = constructed(TAG.SEQUENCE, edit(tbs.children))
  const signature = Buffer.concat([Uint8Array.of(0), sign('sha384', writeDer(edited), key)])
  return writeDer(constructed(TAG.SEQUENCE, [edited, algorithm, primitive(TAG.BIT_STRING, signature)]))
}

/** The same, for the list of extensions alone: the last field. */
export function editExtensions(
  edit: (extensions: readonly Asn1Value[]) => readonly Asn1Value[],
): NonNullable<Difference['edit']> {
  return (fields) => {
    const holder = fields.at(-1)
    const list = holder?.children[0]
    if (holder === undefined || list === undefined) throw new Error('a certificate has extensions')
    return [...fields.slice(0, -1), { ...holder, children: [{ ...list, children: edit(list.children) }] }]
  }
}

/** An extension of any value: `oid` and `value` in hex. */
export function extension(oid: string, value: string, critical = false): Asn1Value {
  return constructed(TAG.SEQUENCE, [
    primitive(TAG.OBJECT_IDENTIFIER, Buffer.from(oid, 'hex')),
    ...(critical ? [primitive(TAG.BOOLEAN, Uint8Array.of(0xff))] : []),
    primitive(TAG.OCTET_STRING, Buffer.from(value, 'hex')),
  ])
}

async function keyObject({ privateKey }: Keys): Promise<KeyObject> {
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey))
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}
