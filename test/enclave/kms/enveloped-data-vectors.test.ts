import { randomBytes, type webcrypto } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  decryptContent,
  openEnvelopedData,
  parseEnvelopedData,
  unwrapContentKey,
} from '../../../enclave/kms/enveloped-data.js'
import { withOpenSsl } from '../../support/openssl.js'
import { readJsonVector, readVector, withVectors } from '../../support/vectors.js'
import { failureOf, hex, importPrivateKey, openssl, rsaKeyPair } from './support.js'

let otherKey: webcrypto.CryptoKeyPair
/** The one failure, as an envelope that nobody can read shows it. */
let uniform: Record<string, unknown>
beforeAll(async () => {
  otherKey = await rsaKeyPair()
  uniform = await failureOf(new Uint8Array(0), otherKey.privateKey)
})

async function expectFailure(
  bytes: Uint8Array,
  privateKey: webcrypto.CryptoKey,
  length?: number,
): Promise<void> {
  expect(await failureOf(bytes, privateKey, length)).toEqual(uniform)
}

withVectors('replies of KMS', (directory) => {
  interface Case {
    file: string
    privateKeyPkcs8Base64: string | null
    plaintextHex: string | null
  }
  for (const { file, privateKeyPkcs8Base64, plaintextHex } of readJsonVector<Case[]>(
    directory,
    'cms/cases.json',
  )) {
    const blob = readVector(directory, `cms/${file}`)
    it(`${file} parses`, () => {
      const envelope = parseEnvelopedData(blob)
      expect(envelope.recipientId).toHaveLength(32)
      expect(envelope.encryptedKey).toHaveLength(256)
      expect(envelope.iv).toHaveLength(16)
      expect(envelope.segments).toBe(1)
    })
    it(`${file} opens with its key, and with no other`, async () => {
      await expectFailure(blob, otherKey.privateKey)
      if (privateKeyPkcs8Base64 === null || plaintextHex === null) return
      const privateKey = await importPrivateKey(Buffer.from(privateKeyPkcs8Base64, 'base64'))
      const plaintext = hex(plaintextHex)
      expect(Buffer.from(await openEnvelopedData(blob, privateKey, { length: plaintext.length }))).toEqual(
        plaintext,
      )
      expect(Buffer.from(await openEnvelopedData(blob, privateKey))).toEqual(plaintext)
      await expectFailure(blob, privateKey, plaintext.length + 1)
    })
  }
})

interface Wycheproof<Group> {
  testGroups: (Group & {
    tests: { tcId: number; msg: string; ct: string; result: string; [key: string]: string | number }[]
  })[]
}

withVectors('Wycheproof', (directory) => {
  for (const bits of [2048, 3072, 4096]) {
    it(`RSAES-OAEP, ${bits} bits, SHA-256`, async () => {
      const file = `wycheproof/rsa_oaep_${bits}_sha256_mgf1sha256_test.json`
      let labelled = 0
      let count = 0
      for (const group of readJsonVector<Wycheproof<{ privateKeyPkcs8: string }>>(directory, file)
        .testGroups) {
        const privateKey = await importPrivateKey(hex(group.privateKeyPkcs8))
        for (const test of group.tests) {
          const result = await unwrapContentKey(hex(test.ct), privateKey).catch(() => undefined)
          const expected = test.result === 'valid' && test.label === '' ? test.msg : undefined
          if (test.label !== '') labelled++
          expect(result && Buffer.from(result).toString('hex'), `case ${test.tcId}`).toBe(expected)
          count++
        }
      }
      expect(count).toBeGreaterThan(30)
      expect(labelled).toBeGreaterThan(0)
    })
  }
  it('RSAES-OAEP with MGF1 on SHA-1 is refused', async () => {
    const file = 'wycheproof/rsa_oaep_2048_sha256_mgf1sha1_test.json'
    for (const group of readJsonVector<Wycheproof<{ privateKeyPkcs8: string }>>(directory, file).testGroups) {
      const privateKey = await importPrivateKey(hex(group.privateKeyPkcs8))
      for (const test of group.tests) {
        await expect(unwrapContentKey(hex(test.ct), privateKey)).rejects.toThrow()
      }
    }
  })
  it('AES-256-CBC with PKCS #7 padding', () => {
    let count = 0
    const file = 'wycheproof/aes_cbc_pkcs5_test.json'
    for (const group of readJsonVector<Wycheproof<{ keySize: number }>>(directory, file).testGroups) {
      if (group.keySize !== 256) continue
      for (const test of group.tests) {
        let opened: string | undefined
        try {
          const { padded, padding } = decryptContent(
            hex(test.ct),
            hex(String(test.key)),
            hex(String(test.iv)),
          )
          if (padding > 0) opened = Buffer.from(padded.subarray(0, padded.length - padding)).toString('hex')
        } catch {
          // Not whole blocks: parseEnvelopedData refuses that earlier.
        }
        expect(opened, `case ${test.tcId}`).toBe(test.result === 'valid' ? test.msg : undefined)
        count++
      }
    }
    expect(count).toBeGreaterThan(50)
  })
})

withOpenSsl('openssl cms -encrypt', () => {
  let directory: string
  let certificate: string
  let privateKey: webcrypto.CryptoKey
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cms-'))
    certificate = join(directory, 'cert.pem')
    const keyFile = join(directory, 'key.pem')
    openssl([
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      keyFile,
      '-out',
      certificate,
      '-subj',
      '/CN=recipient',
    ])
    privateKey = await importPrivateKey(
      openssl(['pkcs8', '-topk8', '-nocrypt', '-outform', 'DER', '-in', keyFile]),
    )
    expect(readFileSync(certificate).length).toBeGreaterThan(0)
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  function encrypt(plaintext: Uint8Array, flags: readonly string[], digest = 'sha256'): Uint8Array {
    const oaepFlags = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', `rsa_mgf1_md:${digest}`]
    const keyopt = oaepFlags.flatMap((option) => ['-keyopt', option])
    // -recip goes first: -keyopt belongs to the recipient before it.
    return openssl(
      [
        'cms',
        '-encrypt',
        '-binary',
        '-aes256',
        '-outform',
        'DER',
        ...flags,
        '-recip',
        certificate,
        ...keyopt,
      ],
      plaintext,
    )
  }

  const sizes = [
    1, 2, 15, 16, 17, 31, 32, 33, 48, 255, 256, 512, 983, 984, 991, 992, 999, 1000, 1001, 1008, 1023, 1024,
  ]
  for (const flags of [['-stream'], [], ['-stream', '-keyid'], ['-keyid']]) {
    it(`opens ${sizes.length} sizes, flags ${flags.join(' ') || '(none)'}`, async () => {
      for (const size of sizes) {
        const plaintext = randomBytes(size)
        const blob = encrypt(plaintext, flags)
        expect(parseEnvelopedData(blob).recipientId?.length).toBe(flags.includes('-keyid') ? 20 : undefined)
        expect(
          Buffer.from(await openEnvelopedData(blob, privateKey, { length: size })),
          `${size} bytes`,
        ).toEqual(plaintext)
        await expectFailure(blob, privateKey, size + 1)
      }
    })
  }
  it('refuses MGF1 on SHA-1, SHA-1, PKCS #1 v1.5 and AES-128', async () => {
    const plaintext = randomBytes(32)
    await expectFailure(encrypt(plaintext, [], 'sha1'), privateKey)
    await expectFailure(
      openssl(['cms', '-encrypt', '-binary', '-aes256', '-outform', 'DER', '-recip', certificate], plaintext),
      privateKey,
    )
    await expectFailure(encrypt(plaintext, ['-aes128']), privateKey)
  })
})
