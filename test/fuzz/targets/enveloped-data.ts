/** Envelopes, of which many are encrypted to a known key: every one that does not open fails in one and the same way. */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  privateDecrypt,
  publicEncrypt,
  webcrypto,
} from 'node:crypto'
import {
  MAX_ENVELOPE_LENGTH,
  openEnvelopedData,
  parseEnvelopedData,
} from '../../../enclave/kms/enveloped-data.js'
import { FormatError, OperationError } from '../../../shared/errors.js'
import { sealEnvelopedData } from '../../../simulator/kms/enveloped-data.js'
import { type BerNode, mutateBer, readTree, writeTree } from '../mutators/ber.js'
import { nodesOf } from '../mutators/tree.js'
import type { Random } from '../random.js'
import { rsaKeyOf } from '../rsa-key.js'
import { broken, type Mutator, type Target } from '../target.js'
import { vectorsIn } from '../vector-seeds.js'

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
const key = rsaKeyOf('envelopes of the fuzzer')
const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
const privateKey = await webcrypto.subtle.importKey(
  'pkcs8',
  key.export({ format: 'der', type: 'pkcs8' }),
  { name: 'RSA-OAEP', hash: 'SHA-256' },
  false,
  ['decrypt'],
)
/** Of what is not even an envelope, so many are opened for one: it is the same work each time. */
const UNREADABLE = 16

/** Another content key, another padding, another IV: what no tree of tags can bring about. */
const reseal: Mutator = (bytes, { random }) => {
  const tree = readTree(bytes)
  if (tree === undefined) return bytes
  const strings = nodesOf(tree).filter(
    ({ identifier, children }) => identifier === 0x04 && children.length === 0,
  )
  const [wrapped, iv, ...chunks] = strings
  if (wrapped === undefined || iv === undefined || chunks.length === 0) return bytes
  const contentKey = random.bytes(random.once(4) ? random.pick([0, 16, 24, 31, 33, 64]) : 32)
  wrapped.content = publicEncrypt({ key, ...OAEP }, contentKey)
  if (iv.content.length === 16 && contentKey.length === 32) {
    fill(chunks, encrypted(contentKey, iv.content, padded(random)))
  }
  return writeTree(tree)
}

function encrypted(contentKey: Uint8Array, iv: Uint8Array, content: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-cbc', contentKey, iv).setAutoPadding(false)
  return Buffer.concat([cipher.update(content), cipher.final()])
}

/** Some blocks, whose padding is right half of the time. */
function padded(random: Random): Uint8Array {
  const content = random.bytes(16 * (1 + random.below(random.once(8) ? 300 : 4)))
  const length = random.once(2) ? 1 + random.below(16) : random.below(256)
  content.fill(length, content.length - Math.min(length, content.length))
  if (random.once(4)) content[content.length - 1 - random.below(16)] = random.below(256)
  return content
}

/** The first chunk takes it all, or every chunk a part. */
function fill(chunks: readonly BerNode[], ciphertext: Uint8Array): void {
  const size = Math.ceil(ciphertext.length / chunks.length)
  for (const [index, chunk] of chunks.entries())
    chunk.content = ciphertext.slice(index * size, (index + 1) * size)
}

export const target: Target = {
  maxLength: MAX_ENVELOPE_LENGTH + 64,
  seeds: () => [
    ...[0, 1, 12, 32, 1024, 2500].map((length) => sealEnvelopedData(new Uint8Array(length).fill(7), spki)),
    ...vectorsIn('cms'),
  ],
  mutators: [mutateBer, reseal],
  refusals: [],
  run: async (bytes) => {
    const isEnvelope = isReadable(bytes)
    if (!isEnvelope && bytes.reduce((sum, byte) => sum + byte, 0) % UNREADABLE !== 0) return
    const plaintext = await openedOrRefused(bytes)
    if (plaintext === undefined) return
    if (!isEnvelope) broken('what opens can be read')
    if (Buffer.compare(plaintext, decrypted(bytes)) !== 0) broken('it opens to what OpenSSL decrypts it to')
  },
}

function isReadable(bytes: Uint8Array): boolean {
  try {
    const { encryptedKey, iv, ciphertext, segments } = parseEnvelopedData(bytes)
    if (iv.length !== 16 || ciphertext.length === 0 || ciphertext.length % 16 !== 0) broken('whole blocks')
    if (segments < 1 || encryptedKey.length > bytes.length) broken('its parts are its own')
    return true
  } catch (error) {
    if (error instanceof FormatError && error.code === 'ERR_BER') return false
    throw error
  }
}

async function openedOrRefused(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return await openEnvelopedData(bytes, privateKey)
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    const { code, message, cause } = error
    const isTheOne =
      code === 'ERR_ENVELOPE' && message === 'the envelope could not be opened' && cause === undefined
    if (!isTheOne) broken(`one refusal: ${code} ${message}`)
    return undefined
  }
}

function decrypted(bytes: Uint8Array): Uint8Array {
  const { encryptedKey, iv, ciphertext } = parseEnvelopedData(bytes)
  const decipher = createDecipheriv('aes-256-cbc', privateDecrypt({ key, ...OAEP }, encryptedKey), iv)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()])
}
