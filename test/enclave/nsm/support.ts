import { decodeResponse } from '../../../enclave/nsm/codec.js'
import type { CborValue } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { NsmError } from '../../../shared/errors.js'

export function variant(name: string, fields: readonly [string, CborValue][]): Uint8Array {
  return encodeCbor(new Map([[name, new Map(fields)]]))
}

export function refusal(bytes: Uint8Array): NsmError {
  return thrown(() => decodeResponse(bytes))
}

export function thrown(act: () => unknown): NsmError {
  try {
    act()
  } catch (error) {
    if (error instanceof NsmError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
