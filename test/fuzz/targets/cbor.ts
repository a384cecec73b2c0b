/** CBOR: what is read is written again in the same bytes, or in the same meaning where lengths were indefinite. */
import { decodeCbor } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { FormatError } from '../../../shared/errors.js'
import { arbitraryCbor } from '../../shared/cbor-support.js'
import { mutateCbor, readTree } from '../mutators/cbor.js'
import { nodesOf } from '../mutators/tree.js'
import { broken, type Target } from '../target.js'
import { hexIn } from '../vector-seeds.js'

export const target: Target = {
  maxLength: 16 * 1024 + 64,
  seeds: () => [
    encodeCbor(new Map([['key', [1, -1, null, true, 'text', new Uint8Array(3)]]])),
    Uint8Array.of(0xbf, 0x01, 0x9f, 0xff, 0xff),
    Uint8Array.of(0xfb, 0, 0, 0, 0, 0, 0, 0, 0),
    ...hexIn('cbor/appendix_a.json'),
    ...hexIn('cbor/rfc8949_appendix_f.json'),
  ],
  arbitrary: arbitraryCbor().map((value) => encodeCbor(value)),
  mutators: [mutateCbor],
  refusals: [{ class: FormatError, code: /^ERR_CBOR_/ }],
  run: (bytes) => {
    const value = decodeCbor(bytes)
    const tree = readTree(bytes)
    if (tree === undefined) broken('only well-formed CBOR is read')
    const nodes = nodesOf(tree)
    // Read, and not written: numbers below -2^63.
    if (nodes.some((node) => node.major === 1 && node.value >= 2n ** 63n)) return
    const written = encodeCbor(value)
    const isDefinite = nodes.every(({ width }) => width !== 'indefinite')
    if (isDefinite && Buffer.compare(written, bytes) !== 0)
      broken('what is read is written in the same bytes')
    // Larger when written, perhaps: the length of a string that had none.
    const again = decodeCbor(written, { maxBytes: 64 * 1024 })
    if (Buffer.compare(encodeCbor(again), written) !== 0) broken('writing and reading change nothing')
  },
}
