/** A chain like the hardware's, of certificates whose signatures are the stand-in's. */
import { createHash } from 'node:crypto'
import { type BerNode, readTree, writeTree } from '../mutators/ber.js'
import { standInSignature } from './stand-in.js'

/** Root first, leaf last. */
export type Chain = readonly Uint8Array[]

const ECDSA_WITH_SHA384 = '300a06082a8648ce3d040303'
const P384_KEY = '301006072a8648ce3d020106052b81040022'
/** 2026-03-01 and 2026-04-01. */
const VALIDITY = '301e170d3236303330313030303030305a170d3236303430313030303030305a'
export const NOW = new Date('2026-03-15T12:00:00Z')

export function value(identifier: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return writeTree({ identifier, length: 0, content: Buffer.concat(parts), children: [] })
}

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const SEQUENCE = 0x30

function name(text: string): Uint8Array {
  const attribute = value(SEQUENCE, hex('0603550403'), value(0x0c, Buffer.from(text)))
  return value(SEQUENCE, value(0x31, attribute))
}

function pointOf(text: string): Uint8Array {
  const x = createHash('sha384').update(text).digest()
  // No 0xff first: the stand-in's curve.
  x[0] = 1
  return Buffer.concat([Uint8Array.of(0x04), x, createHash('sha384').update(x).digest()])
}

/** basicConstraints critical, keyUsage critical. */
function extensions(isAuthority: boolean, pathLength: number | undefined): Uint8Array {
  const flag = isAuthority ? hex('0101ff') : new Uint8Array(0)
  const length = pathLength === undefined ? new Uint8Array(0) : Uint8Array.of(0x02, 1, pathLength)
  const constraints = value(SEQUENCE, hex('0603551d130101ff'), value(0x04, value(SEQUENCE, flag, length)))
  const usage = value(SEQUENCE, hex('0603551d0f0101ff0404'), hex(isAuthority ? '03020106' : '030206c0'))
  return value(0xa3, value(SEQUENCE, constraints, usage))
}

function issue(issuer: string, subject: string, rest: Uint8Array): Uint8Array {
  const key = value(SEQUENCE, hex(P384_KEY), value(0x03, Uint8Array.of(0), pointOf(subject)))
  const fields = [
    hex('a003020102'),
    hex('02024d2a'),
    hex(ECDSA_WITH_SHA384),
    name(issuer),
    hex(VALIDITY),
    name(subject),
  ]
  return signedCertificate(value(SEQUENCE, ...fields, key, rest), pointOf(issuer))
}

export function signedCertificate(tbs: Uint8Array, issuerPoint: Uint8Array): Uint8Array {
  const signature = standInSignature(issuerPoint, tbs)
  const numbers = [signature.subarray(0, 48), signature.subarray(48)].map(integer)
  const bits = value(0x03, Uint8Array.of(0), value(SEQUENCE, ...numbers))
  return value(SEQUENCE, tbs, hex(ECDSA_WITH_SHA384), bits)
}

/** An INTEGER that is positive and minimal. */
function integer(magnitude: Uint8Array): Uint8Array {
  const start = magnitude.findIndex((byte) => byte !== 0)
  const digits = start === -1 ? Uint8Array.of(0) : magnitude.subarray(start)
  return value(0x02, (digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0), digits)
}

const CA_BELOW = ['regional', 'zonal', 'instance']

/** Root, and down to a leaf of so many authorities between them. */
export function chainOf(between: number): Chain {
  const names = CA_BELOW.slice(3 - between)
  const authorities = names.map((subject, index) =>
    issue(names[index - 1] ?? 'root', subject, extensions(true, names.length - 1 - index)),
  )
  return [ROOT, ...authorities, issue(names.at(-1) ?? 'root', 'leaf', extensions(false, undefined))]
}

export const ROOT = issue('root', 'root', extensions(true, undefined))

/** TBSCertificate as a tree, of what is nearly a certificate. */
export function tbsOf(certificate: Uint8Array): BerNode | undefined {
  return readTree(certificate)?.children[0]
}

/** The public key as it stands in a TBSCertificate; empty where it is not to be found. */
export function pointIn(tbs: BerNode | undefined): Uint8Array {
  return tbs?.children[6]?.children[1]?.content.subarray(1) ?? new Uint8Array(0)
}
