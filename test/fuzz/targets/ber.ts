/** BER and DER: DER is read from exactly the bytes that it is written in. */
import { constructed, primitive, TAG } from '../../../shared/asn1.js'
import { readBer, writeDer } from '../../../shared/ber.js'
import { type DerValue, readDer } from '../../../shared/der.js'
import { FormatError } from '../../../shared/errors.js'
import { mutateBer } from '../mutators/ber.js'
import { broken, type Target } from '../target.js'
import { vectorsIn } from '../vector-seeds.js'

export const target: Target = {
  maxLength: 8 * 1024,
  seeds: () => [
    writeDer(
      constructed(TAG.SEQUENCE, [
        primitive(TAG.INTEGER, Uint8Array.of(1)),
        primitive(TAG.OBJECT_IDENTIFIER, Uint8Array.of(0x2a, 0x86, 0x48)),
        constructed(TAG.SET, [
          primitive(TAG.OCTET_STRING, new Uint8Array(200)),
          primitive(TAG.NULL, new Uint8Array(0)),
        ]),
      ]),
    ),
    Uint8Array.of(0x30, 0x80, 0x24, 0x80, 0x04, 0x01, 0xaa, 0x00, 0x00, 0x00, 0x00),
    ...vectorsIn('cms'),
    ...vectorsIn('certs'),
  ],
  mutators: [mutateBer],
  refusals: [{ class: FormatError, code: /^ERR_BER$/ }],
  run: (bytes) => {
    const written = writeDer(readBer(bytes))
    if (Buffer.compare(writeDer(readBer(written)), written) !== 0) broken('writing again changes nothing')
    const canonical = strictly(bytes)
    if (canonical === undefined) return
    if (Buffer.compare(canonical.encoding, bytes) !== 0) broken('DER is read whole')
    if (Buffer.compare(writeDer(canonical), bytes) !== 0) broken('DER is written as it was read')
    if (Buffer.compare(written, bytes) !== 0) broken('DER is read as BER is')
  },
}

function strictly(bytes: Uint8Array): DerValue | undefined {
  try {
    return readDer(bytes)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
