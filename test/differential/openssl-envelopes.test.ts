/** Envelopes opened by ours and by OpenSSL: unusual ones, and those of the simulator and of OpenSSL damaged at random. */
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes, webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openEnvelopedData, parseEnvelopedData } from '../../enclave/kms/enveloped-data.js'
import { sealEnvelopedData } from '../../simulator/kms/enveloped-data.js'
import { rsaKeyPair } from '../enclave/kms/support.js'
import { withOpenSsl } from '../support/openssl.js'
import {
  ACCEPTED,
  type Comparison,
  expectAllExplained,
  expectExplained,
  refused,
  type Verdict,
} from './disagreements.js'
import { envelopeCases } from './envelope-cases.js'
import { EXPLANATIONS, OF_DAMAGE } from './envelope-disagreements.js'
import { SEED, scaled, timeout } from './extent.js'
import { damaged, type Mutant } from './mutations.js'
import { randomness } from './randomness.js'

/** Of each of the two makers. */
const DAMAGED = scaled(50)

withOpenSsl('envelopes beside openssl cms', () => {
  let folder: string
  let key: webcrypto.CryptoKeyPair
  const path = (name: string) => join(folder, name)
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'openssl-envelopes-'))
    key = await rsaKeyPair()
    writeFileSync(path('key.der'), Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key.privateKey)))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  async function openedByUs(bytes: Uint8Array): Promise<Uint8Array | Verdict> {
    try {
      return await openEnvelopedData(bytes, key.privateKey)
    } catch {
      // The one error says nothing, by intention; the parser does.
      return refused(parsingErrorOf(bytes) ?? 'not opened')
    }
  }

  function openedByOpenSsl(bytes: Uint8Array): Uint8Array | Verdict {
    writeFileSync(path('envelope.der'), bytes)
    // Without -debug_decrypt it goes on with a random key where none was unwrapped.
    const args = ['-inform', 'DER', '-binary', '-debug_decrypt', '-keyform', 'DER', '-inkey', path('key.der')]
    const { status, stdout, stderr } = spawnSync('openssl', [
      'cms',
      '-decrypt',
      ...args,
      '-in',
      path('envelope.der'),
    ])
    if (status === 0) return new Uint8Array(stdout)
    if (status === 4 || status === 2 || status === 3) return refused(stderr.toString('utf8'))
    throw new Error(`openssl cms ended with ${status}: ${stderr.toString('utf8')}`)
  }

  async function compared({ name, bytes }: Mutant): Promise<Comparison> {
    const ours = await openedByUs(bytes)
    const theirs = openedByOpenSsl(bytes)
    if (ours instanceof Uint8Array && theirs instanceof Uint8Array) expect(ours, name).toEqual(theirs)
    const verdict = (opened: Uint8Array | Verdict) => (opened instanceof Uint8Array ? ACCEPTED : opened)
    return { name, ours: verdict(ours), theirs: verdict(theirs) }
  }

  async function comparedAll(mutants: readonly Mutant[]): Promise<readonly Comparison[]> {
    const comparisons: Comparison[] = []
    for (const mutant of mutants) comparisons.push(await compared(mutant))
    return comparisons
  }

  it(
    'unusual in one thing',
    async () => {
      const comparisons = await comparedAll(await envelopeCases(key.publicKey))
      expect(comparisons[0]).toEqual({ name: 'as KMS seals', ours: ACCEPTED, theirs: ACCEPTED })
      expectAllExplained(comparisons, EXPLANATIONS)
    },
    timeout(60_000),
  )

  const sealedByOpenSsl = (): Uint8Array => {
    const [pem, certificate] = [path('recipient-key.pem'), path('recipient.pem')]
    execFileSync('openssl', ['pkey', '-inform', 'DER', '-in', path('key.der'), '-out', pem])
    execFileSync('openssl', ['req', '-x509', '-key', pem, '-out', certificate, '-subj', '/CN=recipient'])
    writeFileSync(path('plaintext'), randomBytes(32))
    const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256']
    const options = oaep.flatMap((option) => ['-keyopt', option])
    return execFileSync('openssl', [
      ...['cms', '-encrypt', '-binary', '-aes256', '-stream', '-outform', 'DER', '-in', path('plaintext')],
      ...['-recip', certificate, ...options],
    ])
  }
  const sealedBySimulator = async (): Promise<Uint8Array> =>
    sealEnvelopedData(
      randomBytes(32),
      new Uint8Array(await webcrypto.subtle.exportKey('spki', key.publicKey)),
    )

  it.each([
    ['the simulator', sealedBySimulator],
    ['OpenSSL', sealedByOpenSsl],
  ])(
    'sealed by %s and damaged',
    async (_, sealed) => {
      const bytes = new Uint8Array(await sealed())
      const random = randomness(SEED)
      const mutants = Array.from({ length: DAMAGED }, () => damaged(bytes, random))
      expectExplained(await comparedAll([{ name: 'as it was', bytes }, ...mutants]), OF_DAMAGE)
      expect(await compared({ name: 'as it was', bytes })).toMatchObject({ ours: ACCEPTED, theirs: ACCEPTED })
    },
    timeout(60_000),
  )
})

function parsingErrorOf(bytes: Uint8Array): string | undefined {
  try {
    parseEnvelopedData(bytes)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
