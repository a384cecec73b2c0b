/** What the verifier says of a document that is right in everything but what a test changes. */
import { KeyObject, sign } from 'node:crypto'
import { expect, it } from 'vitest'
import { type Asn1Value, constructed, primitive, TAG } from '../../../shared/asn1.js'
import { verifyAttestation } from '../../../shared/attestation/index.js'
import { verifyAttestation as verifyByWebCrypto } from '../../../shared/attestation/web.js'
import { readBer, writeDer } from '../../../shared/ber.js'
import { type ErrorCode, NitroEnclaveError } from '../../../shared/errors.js'
import { signedBy } from '../../support/attestations.js'
import {
  buildChain,
  type Chain,
  type Difference,
  keysOf,
  NOW,
  type Place,
} from '../../support/certificates.js'

export type Verdict = 'accepted' | ErrorCode
export type Differences = Partial<Record<Place, Difference>>
export type Edit = NonNullable<Difference['edit']>

/** Of the verifier on node:crypto and of the one on WebCrypto, which must agree. */
export async function verdictOn(bytes: Uint8Array, root: Uint8Array): Promise<Verdict> {
  const options = { roots: [root], now: NOW }
  const [verdict, other] = await Promise.all([
    outcome(verifyAttestation(bytes, options)),
    outcome(verifyByWebCrypto(bytes, options)),
  ])
  expect(other).toBe(verdict)
  return verdict
}

async function outcome(verification: Promise<unknown>): Promise<Verdict> {
  try {
    await verification
    return 'accepted'
  } catch (error) {
    if (error instanceof NitroEnclaveError) return error.code
    throw error
  }
}

/** Of a document under this chain, signed by its leaf's key. */
export function verdictUnder(chain: Chain): Promise<Verdict> {
  return verdictOn(signedBy(chain), chain.root)
}

/** A chain that is refused, and one that differs from it in that alone. */
export interface Row {
  readonly name: string
  readonly code: ErrorCode
  readonly refused: Differences
  readonly accepted: Differences
}

let unchanged: Promise<Chain> | undefined

/** Where the leaf alone is edited, the chain above it is built once. */
async function chainWith(differences: Differences): Promise<Chain> {
  const { leaf: { edit, ...more } = {}, ...others } = differences
  if (edit === undefined || Object.keys({ ...more, ...others }).length > 0)
    return await buildChain(differences)
  unchanged ??= buildChain()
  const chain = await unchanged
  const issuer = KeyObject.from((await keysOf('instance')).privateKey)
  return { ...chain, certificate: resigned(chain.certificate, issuer, edit) }
}

function resigned(der: Uint8Array, issuer: KeyObject, edit: Edit): Uint8Array {
  const [tbs, algorithm] = readBer(der).children
  if (tbs === undefined || algorithm === undefined) throw new Error('a certificate has three parts')
  const fields = constructed(TAG.SEQUENCE, edit(tbs.children))
  const signature = Uint8Array.from([0, ...sign('sha384', writeDer(fields), issuer)])
  return writeDer(constructed(TAG.SEQUENCE, [fields, algorithm, primitive(TAG.BIT_STRING, signature)]))
}

/** Chains that many rows share are judged once. */
const judged = new Map<Differences, Promise<Verdict>>()

function verdictWith(differences: Differences): Promise<Verdict> {
  const verdict = judged.get(differences) ?? chainWith(differences).then(verdictUnder)
  judged.set(differences, verdict)
  return verdict
}

/** Every certificate is signed after it was changed: nothing else is wrong with it. */
export function judge(rows: readonly Row[]): void {
  it.each(rows.map((row) => [row.name, row] as const))('%s', async (_, { code, refused, accepted }) => {
    expect(await verdictWith(refused)).toBe(code)
    expect(await verdictWith(accepted)).toBe('accepted')
  })
}

/** One certificate edited. */
export function edited(place: Place, edit: Edit): Differences {
  return { [place]: { edit } }
}

/** A row about the leaf. */
export function leaf(name: string, code: ErrorCode, refused: Edit, accepted: Differences): Row {
  return { name, code, refused: edited('leaf', refused), accepted }
}

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** Changes one field of the TBSCertificate (RFC 5280, section 4.1), by its place. */
export function at(index: number, change: (field: Asn1Value) => Asn1Value): Edit {
  return (fields) => fields.map((field, position) => (position === index ? change(field) : field))
}
