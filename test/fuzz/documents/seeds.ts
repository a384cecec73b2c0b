/** Documents under the stand-in's root, as the hardware writes them. */
import type { CborValue } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { readTree } from '../mutators/cbor.js'
import { type Chain, chainOf, NOW } from './chain.js'
import { signedDocument } from './resign.js'

const HEADER = Uint8Array.of(0xa1, 0x01, 0x38, 0x22)
export const NONCE = new Uint8Array(Buffer.from('nonce of the fuzzer'))
export const PCR0 = new Uint8Array(48).fill(1)

function document(chain: Chain, more: Readonly<Record<string, CborValue | undefined>> = {}): Uint8Array {
  const fields: Record<string, CborValue | undefined> = {
    module_id: 'i-0123456789abcdef0-enc0123456789abcdef',
    digest: 'SHA384',
    timestamp: NOW.getTime(),
    pcrs: new Map(Array.from({ length: 4 }, (_, index) => [index, new Uint8Array(48).fill(index + 1)])),
    certificate: chain.at(-1) ?? new Uint8Array(0),
    cabundle: chain.slice(0, -1),
    public_key: null,
    user_data: null,
    nonce: null,
    ...more,
  }
  const entries = Object.entries(fields).flatMap(([name, one]) =>
    one === undefined ? [] : [[name, one] as const],
  )
  const payload = encodeCbor(new Map(entries))
  const envelope = readTree(encodeCbor([HEADER, new Map(), payload, new Uint8Array(96)]))
  const content = readTree(payload)
  if (envelope === undefined || content === undefined) throw new Error('a document is CBOR')
  return signedDocument({ envelope, fields: content })
}

export function documentSeeds(): readonly Uint8Array[] {
  const pcrs = new Map([[0, new Uint8Array(48)]])
  return [
    document(chainOf(3)),
    document(chainOf(3), { nonce: NONCE, user_data: new Uint8Array(0), public_key: new Uint8Array(1024) }),
    document(chainOf(1), { pcrs, nonce: NONCE }),
    document(chainOf(0), { nonce: NONCE }),
    document(chainOf(3), { timestamp: NOW.getTime() - 400_000 }),
  ]
}

/** One of a NitroTPM, which has the same form but for a name. */
export function nitroTpmSeed(): Uint8Array {
  return document(chainOf(3), { pcrs: undefined, nitrotpm_pcrs: new Map([[0, PCR0]]) })
}
