/** Enclave image files: described, or refused; what is said of checksum and measurements is what the bytes are. */
import { createHash, createPrivateKey, type KeyObject } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { memorySource } from '../../../image/byte-source.js'
import { describeSource } from '../../../image/describe.js'
import { FormatError } from '../../../shared/errors.js'
import { eifBytes, LEAST, type Part, part } from '../../image/eif-bytes.js'
import { coseSign1, makePair, pcrInfo, signatureSection } from '../../image/signing.js'
import { BYTE_MUTATORS } from '../mutators/bytes.js'
import { mutateCbor } from '../mutators/cbor.js'
import { broken, type MutationContext, type Mutator, type Target } from '../target.js'

const HEADER = 548
const SECTION_HEADER = 12
const CRC = HEADER - 4
const METADATA = {
  ImageName: 'n',
  ImageVersion: '1',
  BuildMetadata: { BuildTime: '2026-03-01T12:00:00Z', BuildTool: 't' },
  DockerInfo: {},
  CustomMetadata: { a: [1, 'x', null] },
}

/** Of the seeds: made anew in each process, for nobody can tell a signed image from another by its coverage. */
let signer: { readonly certificate: string; readonly key: KeyObject } | undefined

export const target: Target = {
  maxLength: 6 * 1024,
  seeds: async () => {
    const { certificate, keyText } = await makePair('P-256', { issuer: 'CN=x' })
    signer = { certificate, key: createPrivateKey(keyText) }
    const full = [...LEAST, part('ramdisk', 'another'), part('metadata', JSON.stringify(METADATA))]
    return [
      eifBytes(LEAST),
      eifBytes(full),
      signed(full),
      eifBytes(LEAST, { version: 2 }),
      eifBytes(LEAST, { flags: 1 }),
    ]
  },
  mutators: [mutateParts],
  dictionary: [
    '"ImageName":',
    '"BuildMetadata":{',
    '[[[[',
    '{"a":',
    '-----BEGIN CERTIFICATE-----',
    '.eif',
  ].map((text) => new Uint8Array(Buffer.from(text))),
  refusals: [{ class: FormatError, code: /^ERR_EIF_/ }],
  run: async (bytes) => {
    const described = await describeSource(memorySource(bytes))
    const { CheckCRC, Measurements, Sections, SignatureCheck, IsSigned, Warnings } = described
    const crc = crc32(bytes.subarray(HEADER), crc32(bytes.subarray(0, CRC)))
    if (CheckCRC !== (crc === Buffer.from(bytes).readUInt32BE(CRC))) broken('the checksum is right or wrong')
    if (Measurements.PCR0 !== pcr0Of(bytes, Sections))
      broken('PCR0 is what kernel, command line and ramdisks hash to')
    if ((SignatureCheck !== undefined) !== IsSigned) broken('a signature is checked where there is one')
    if (IsSigned && SignatureCheck === false && Warnings.length === 0) broken('a bad signature is told')
  },
}

/** SHA-384 of 48 zeros and the SHA-384 of the sections. */
function pcr0Of(
  bytes: Uint8Array,
  sections: readonly { readonly type: string; readonly size: number }[],
): string {
  const content = createHash('sha384')
  let at = HEADER
  for (const { type, size } of sections) {
    at += SECTION_HEADER
    if (type !== 'metadata' && type !== 'signature') content.update(bytes.subarray(at, at + size))
    at += size
  }
  return createHash('sha384').update(new Uint8Array(48)).update(content.digest()).digest('hex')
}

function signed(parts: readonly Part[]): Uint8Array {
  if (signer === undefined) return eifBytes(parts)
  const sections = parts.map(({ type, content }) => ({
    type: type > 3 ? 'metadata' : 'ramdisk',
    size: content.length,
  }))
  const signature = coseSign1(pcrInfo(pcr0Of(eifBytes(parts), sections)), signer.key)
  return eifBytes([...parts, part('signature', signatureSection(signer.certificate, signature))])
}

/** Changes a section, or the list of them, and makes header and checksum fit; now and then signs. */
function mutateParts(bytes: Uint8Array, context: MutationContext): Uint8Array {
  const { random } = context
  const parts = partsOf(bytes)
  if (parts.length === 0) return bytes
  const at = random.below(parts.length)
  const one = parts[at]
  if (one === undefined) return bytes
  switch (random.below(6)) {
    case 0:
      parts.splice(at, random.below(2), random.pick(parts))
      break
    case 1:
      parts.splice(at, 1, { ...one, type: random.below(7) })
      break
    case 2:
      parts.splice(at, 0, ...partsOf(context.other()).slice(0, 1 + random.below(3)))
      break
    case 3:
      parts.splice(at, 1)
      break
    default:
      parts[at] = { ...one, content: contentMutator(one, context)(one.content, context) }
  }
  const fitting = parts.slice(0, 32)
  return random.once(4)
    ? signed(fitting.filter(({ type }) => type !== 4))
    : eifBytes(fitting, differences(context))
}

/** The signature section is CBOR. */
function contentMutator({ type }: Part, { random }: MutationContext): Mutator {
  return type === 4 && random.once(2) ? mutateCbor : random.pick(BYTE_MUTATORS)
}

function differences({ random }: MutationContext): Parameters<typeof eifBytes>[1] {
  return random.once(4) ? { version: random.below(6), flags: random.below(3) } : {}
}

/** As far as the sections' own headers lead. */
function partsOf(bytes: Uint8Array): Part[] {
  const buffer = Buffer.from(bytes)
  const parts: Part[] = []
  for (let at = HEADER; at + SECTION_HEADER <= buffer.length && parts.length < 32; ) {
    const size = Number(buffer.readBigUInt64BE(at + 4))
    const content = buffer.subarray(at + SECTION_HEADER, at + SECTION_HEADER + size)
    parts.push({ type: buffer.readUInt16BE(at), content })
    at += SECTION_HEADER + size
  }
  return parts
}
