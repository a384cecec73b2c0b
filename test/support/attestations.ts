/** Attestation documents of any shape: unsigned ones for the form, signed ones under a test root. */
import type { CborValue } from '../../shared/cbor.js'
import { encodeCbor } from '../../shared/cbor-writing.js'
import { signSign1 } from '../../shared/cose-signature.js'
import { buildChain, type Chain, type Difference, NOW, type Place } from './certificates.js'
import { readJsonVector } from './vectors.js'

export type Fields = Readonly<Record<string, CborValue | undefined>>

export const PCRS: ReadonlyMap<number, Uint8Array> = new Map(
  Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48).fill(index + 1)]),
)
export const ZERO_PCRS: ReadonlyMap<number, Uint8Array> = new Map(
  [...PCRS].map(([index, value]) => [index, index < 3 ? new Uint8Array(48) : value]),
)

const FIELDS: Fields = {
  module_id: 'i-0123456789abcdef0-enc0123456789abcdef',
  digest: 'SHA384',
  timestamp: NOW.getTime(),
  pcrs: PCRS,
  certificate: new Uint8Array(600),
  cabundle: [new Uint8Array(500)],
  public_key: null,
  user_data: null,
  nonce: null,
}

/** The payload with some fields replaced, or left out where they are undefined. */
export function payload(fields: Fields = {}): Uint8Array {
  const entries = Object.entries({ ...FIELDS, ...fields })
  return encodeCbor(new Map(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))))
}

/** A document that nobody signed: good for its form alone. */
export function unsigned(fields: Fields | Uint8Array = {}): Uint8Array {
  const content = fields instanceof Uint8Array ? fields : payload(fields)
  return encodeCbor([Uint8Array.of(0xa1, 0x01, 0x38, 0x22), new Map(), content, new Uint8Array(96)])
}

/** A document under the root of `chain`. */
export function signedBy({ certificate, cabundle, leafKey }: Chain, fields: Fields = {}): Uint8Array {
  return signSign1(payload({ certificate, cabundle, ...fields }), leafKey)
}

/** A document and the root to verify it with. */
export async function signed(
  fields: Fields = {},
  differences: Partial<Record<Place, Difference>> = {},
): Promise<{ readonly bytes: Uint8Array; readonly roots: readonly Uint8Array[] }> {
  const chain = await buildChain(differences)
  return { bytes: signedBy(chain, fields), roots: [chain.root] }
}

/** One of `attestation/cases.json`. */
export interface AttestationCase {
  readonly file: string
  readonly time: string
  readonly validity: readonly [string, string]
  readonly moduleId: string
  readonly pcrCount: number
  readonly nonZeroPcrs: readonly number[]
  readonly publicKeyLength: number | null
  readonly userDataLength: number | null
  readonly nonceLength: number | null
}

export function attestationCases(directory: string, folder: string): readonly AttestationCase[] {
  const cases = readJsonVector<AttestationCase[]>(directory, 'attestation/cases.json')
  return cases.filter(({ file }) => file.startsWith(`${folder}/`))
}
