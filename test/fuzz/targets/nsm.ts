/** The module's responses: one that is of a kind, or an NsmError. */
import { decodeResponse } from '../../../enclave/nsm/codec.js'
import type { CborValue } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { NsmError } from '../../../shared/errors.js'
import { mutateCbor } from '../mutators/cbor.js'
import { broken, type Target } from '../target.js'
import { hexIn } from '../vector-seeds.js'

const map = (fields: Readonly<Record<string, CborValue>>): CborValue => new Map(Object.entries(fields))

const RESPONSES: readonly CborValue[] = [
  'LockPCR',
  'LockPCRs',
  map({ GetRandom: map({ random: new Uint8Array(256) }) }),
  map({ DescribePCR: map({ lock: true, data: new Uint8Array(48) }) }),
  map({ ExtendPCR: map({ data: new Uint8Array(48) }) }),
  map({ Attestation: map({ document: new Uint8Array(600) }) }),
  map({ Error: 'InvalidOperation' }),
  map({
    DescribeNSM: map({
      version_major: 1,
      version_minor: 0,
      version_patch: 0,
      module_id: 'i-0123456789abcdef0-enc0123456789abcdef',
      max_pcrs: 32,
      locked_pcrs: [0, 1, 2],
      digest: 'SHA384',
    }),
  }),
]

export const target: Target = {
  maxLength: 0x3000 + 64,
  seeds: () => [...RESPONSES.map(encodeCbor), ...hexIn('nsm/nsm_cbor_shapes.json')],
  mutators: [mutateCbor],
  dictionary: ['Error', 'InternalError', 'constructor', '__proto__', 'digest', 'SHA512', 'LockPCR'].map(
    (text) => encodeCbor(text),
  ),
  refusals: [{ class: NsmError, code: /^ERR_NSM_/ }],
  run: (bytes) => {
    const response = decodeResponse(bytes)
    switch (response.type) {
      case 'DescribeNSM': {
        const { lockedPcrs, maxPcrs, versionMajor, versionMinor, versionPatch } = response
        const numbers = [...lockedPcrs, maxPcrs, versionMajor, versionMinor, versionPatch]
        if (!numbers.every((one) => Number.isInteger(one) && one >= 0 && one <= 0xffff))
          broken('numbers of 16 bits')
        return
      }
      case 'GetRandom':
        return isBytes(response.random)
      case 'DescribePCR':
        if (typeof response.lock !== 'boolean') broken('a lock is there or not')
        return isBytes(response.data)
      case 'ExtendPCR':
        return isBytes(response.data)
      case 'Attestation':
        return isBytes(response.document)
      case 'LockPCR':
      case 'LockPCRs':
        return
      default:
        broken('a response is of a kind that is known')
    }
  },
}

function isBytes(value: unknown): void {
  if (!(value instanceof Uint8Array)) broken('bytes are bytes')
}
