/** Attestation documents as the hardware writes them: key order, null for what is absent, a map of indefinite length. */
import type { CborValue } from '../shared/cbor.js'
import { encodeCbor } from '../shared/cbor-writing.js'
import { signSign1 } from '../shared/cose-signature.js'
import type { EnclaveCertificate } from './authority.js'

export interface AttestationFields {
  readonly moduleId: string
  readonly timestamp: Date
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  readonly cabundle: readonly Uint8Array[]
  readonly publicKey?: Uint8Array
  readonly userData?: Uint8Array
  readonly nonce?: Uint8Array
}

const INDEFINITE_MAP = 0xbf
const BREAK = 0xff

export function signAttestation(
  fields: AttestationFields,
  { certificate, key }: EnclaveCertificate,
  { definiteLength }: { readonly definiteLength: boolean },
): Uint8Array {
  const entries: [string, CborValue][] = [
    ['module_id', fields.moduleId],
    ['digest', 'SHA384'],
    ['timestamp', fields.timestamp.getTime()],
    ['pcrs', fields.pcrs],
    ['certificate', certificate],
    ['cabundle', fields.cabundle],
    ['public_key', fields.publicKey ?? null],
    ['user_data', fields.userData ?? null],
    ['nonce', fields.nonce ?? null],
  ]
  return signSign1(definiteLength ? encodeCbor(new Map(entries)) : indefinite(entries), key)
}

/** What hardware emits since 2025. */
function indefinite(entries: readonly [string, CborValue][]): Uint8Array {
  const pairs = entries.flatMap(([name, value]) => [encodeCbor(name), encodeCbor(value)])
  return Buffer.concat([Uint8Array.of(INDEFINITE_MAP), ...pairs, Uint8Array.of(BREAK)])
}
