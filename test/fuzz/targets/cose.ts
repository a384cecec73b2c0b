/** COSE_Sign1: what is accepted has one protected header, by algorithm, and is read from its own parts again. */
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { parseSign1 } from '../../../shared/cose.js'
import { FormatError } from '../../../shared/errors.js'
import { mutateCbor } from '../mutators/cbor.js'
import { broken, type Target } from '../target.js'
import { hexIn, vectorsIn } from '../vector-seeds.js'

const MAX_BYTES = 16 * 1024

/** RFC 9053, section 2.1: protected header and bytes of a signature. */
const ALGORITHMS = [
  ['ES256', 'a10126', 64],
  ['ES384', 'a1013822', 96],
  ['ES512', 'a1013823', 132],
] as const

function message(header: string, signature: number): Uint8Array {
  return encodeCbor([
    new Uint8Array(Buffer.from(header, 'hex')),
    new Map(),
    Uint8Array.of(1),
    new Uint8Array(signature),
  ])
}

export const target: Target = {
  maxLength: MAX_BYTES + 64,
  seeds: () => [
    ...ALGORITHMS.map(([, header, length]) => message(header, length)),
    Uint8Array.of(0xd2, ...message('a1013822', 96)),
    ...[
      'pass-01',
      'pass-02',
      'pass-03',
      'fail-01',
      'fail-02',
      'fail-03',
      'fail-04',
      'fail-06',
      'fail-07',
    ].flatMap((name) => hexIn(`cose/sign1-tests/sign-${name}.json`)),
    ...['sig-01', 'sig-02', '01', '02'].flatMap((name) => hexIn(`cose/ecdsa-examples/ecdsa-${name}.json`)),
    ...vectorsIn('attestation/real').slice(0, 3),
  ],
  mutators: [mutateCbor],
  refusals: [{ class: FormatError, code: /^ERR_(?:CBOR|COSE)_/ }],
  run: (bytes) => {
    // Which of the three is for the input to say.
    const [algorithm, header, length] = ALGORITHMS[bytes.length % 3] ?? ALGORITHMS[1]
    const { protectedHeader, payload, signature } = parseSign1(bytes, MAX_BYTES, algorithm)
    if (Buffer.from(protectedHeader).toString('hex') !== header) {
      // {1: n} of indefinite length says the same.
      if (Buffer.from(protectedHeader).toString('hex') !== `bf${header.slice(2)}ff`)
        broken('one protected header')
    }
    if (signature.length !== length) broken('a signature is as long as the algorithm says')
    if (payload.length === 0) broken('there is a payload')
    const again = parseSign1(
      encodeCbor([protectedHeader, new Map(), payload, signature]),
      MAX_BYTES,
      algorithm,
    )
    if (Buffer.compare(again.payload, payload) !== 0) broken('the payload is what stands there')
  },
}
