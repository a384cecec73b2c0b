import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { buildEif } from '../../image/build.js'
import { describeEif } from '../../image/describe.js'
import type { Signing } from '../../image/signer.js'
import { temporaryFolder } from '../support/cli.js'
import { refusal } from '../support/errors.js'
import { withOpenSsl } from '../support/openssl.js'
import { register } from './eif-bytes.js'
import { CURVES, cborBytes, makePair, pcrInfo } from './signing.js'

const PCR0 = register('kernel', 'x', 'ramdisk')

function inputs(signing: Signing) {
  const folder = temporaryFolder()
  for (const name of ['kernel', 'ramdisk']) writeFileSync(join(folder, name), name)
  return {
    folder,
    kernel: join(folder, 'kernel'),
    ramdisks: [join(folder, 'ramdisk')],
    commandLine: 'x',
    output: join(folder, 'image.eif'),
    name: 'n',
    version: '1',
    signing,
  }
}

describe.each(CURVES)('an image signed on %s', async (curve) => {
  const { certificate, privateKey, keyText, der } = await makePair(curve)

  it('verifies, and measures the certificate in PCR8', async () => {
    const options = inputs({ certificate, privateKey: keyText })
    const measurements = await buildEif(options)
    expect(measurements).toMatchObject({ PCR0, PCR8: register(der) })
    expect(await describeEif(options.output)).toMatchObject({
      Measurements: measurements,
      IsSigned: true,
      SignatureCheck: true,
      CheckCRC: true,
      Warnings: [],
    })
  })

  it('differs from another build in its checksum, sizes and signature only', async () => {
    const options = inputs({ certificate, privateKey })
    const build = async () => {
      await buildEif(options)
      return readFileSync(options.output)
    }
    const signatureAt = (bytes: Buffer) => Number(bytes.readBigUInt64BE(28 + 8 * 4))
    const [one, other] = [await build(), await build()]
    expect(one.equals(other)).toBe(false)
    expect(one.subarray(548, signatureAt(one))).toEqual(other.subarray(548, signatureAt(other)))
    expect((await describeEif(options.output)).Measurements).toEqual(await buildEif(options))
  })
})

describe('the signature section', () => {
  it('has the first certificate only: neither a chain, nor a key that stood in the same file', async () => {
    const pair = await makePair('P-384')
    const other = await makePair('P-384')
    const file = `a text\n${pair.keyText}${pair.certificate}${other.certificate}`
    const options = inputs({ certificate: Buffer.from(file), privateKey: Buffer.from(pair.keyText) })
    expect((await buildEif(options)).PCR8).toBe(register(pair.der))
    const image = readFileSync(options.output)
    const start = Number(image.readBigUInt64BE(28 + 8 * 4)) + 12
    const certificate = Buffer.from(pair.certificate)
    const array = Buffer.concat([
      Buffer.from('81a2', 'hex'),
      Buffer.concat([Buffer.from([0x73]), Buffer.from('signing_certificate')]),
      Buffer.from([0x99, certificate.length >> 8, certificate.length & 0xff]),
      ...[...certificate].map((byte) => Buffer.from(byte < 24 ? [byte] : [0x18, byte])),
      Buffer.concat([Buffer.from([0x69]), Buffer.from('signature')]),
    ])
    expect(image.subarray(start, start + array.length)).toEqual(array)
  })
})

describe('a key or certificate that cannot sign', async () => {
  const pair = await makePair('P-384')
  const other = await makePair('P-384')
  const rsa = await makePair('RSA')
  const encrypted = pair.privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'p',
  })
  const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey

  it.each<[string, Signing, string]>([
    ["another certificate's key", { ...pair, privateKey: other.privateKey }, 'does not belong'],
    ['RSA', rsa, 'not on P-256, P-384 or P-521'],
    ['a key on another curve', { ...pair, privateKey: secp256k1 }, 'not on P-256, P-384 or P-521'],
    ['an EC certificate and an RSA key', { ...pair, privateKey: rsa.privateKey }, 'not on P-256'],
    ['a public key', { ...pair, privateKey: createPublicKey(pair.privateKey) }, 'no unencrypted private key'],
    ['an encrypted key', { ...pair, privateKey: encrypted }, 'no unencrypted private key'],
    ['a certificate for a key', { ...pair, privateKey: pair.certificate }, 'no unencrypted private key'],
    ['nothing for a key', { ...pair, privateKey: '' }, 'no unencrypted private key'],
    ['a key for a certificate', { ...pair, certificate: pair.keyText }, 'no certificate in PEM'],
    ['a certificate in DER', { ...pair, certificate: pair.der }, 'no certificate in PEM'],
  ])('is refused before anything is written: %s', async (_, signing, why) => {
    const options = inputs(signing)
    const error = await refusal(() => buildEif(options))
    expect([error.code, error.message]).toEqual(['ERR_USAGE', expect.stringContaining(why)])
    expect(readdirSync(options.folder)).toEqual(['kernel', 'ramdisk'])
  })

  it('tells nothing of the key', async () => {
    const secret = (key: KeyObject) => key.export({ format: 'jwk' }).d ?? 'no secret'
    const broken = pair.keyText.replace('\n-----END', 'AAAA\n-----END')
    for (const privateKey of [other.privateKey, broken, pair.keyText.slice(0, 150)]) {
      const error = await refusal(() => buildEif(inputs({ ...pair, privateKey })))
      const told = inspect(error, { depth: 10, showHidden: true })
      expect(told).not.toContain(secret(other.privateKey))
      expect(told).not.toContain(pair.keyText.slice(60, 100))
    }
  })
})

withOpenSsl('OpenSSL verifies what is signed', (openssl) => {
  const HASHES = {
    'P-256': ['26', 'sha256'],
    'P-384': ['3822', 'sha384'],
    'P-521': ['3823', 'sha512'],
  } as const

  it.each(CURVES)('on %s', async (curve) => {
    const { certificate, privateKey } = await makePair(curve)
    const options = inputs({ certificate, privateKey })
    await buildEif(options)
    const [algorithm, hash] = HASHES[curve]
    const half = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }[curve]
    // The integers of the array are the bytes of COSE_Sign1, whose last ones are r and s.
    const cose = lastArray(readFileSync(options.output))
    const [r, s] = [cose.subarray(-2 * half, -half), cose.subarray(-half)]
    const header = Buffer.from(`a101${algorithm}`, 'hex')
    const parts = [Buffer.from('846a', 'hex'), Buffer.from('Signature1'), cborBytes(header), Buffer.of(0x40)]
    const verified = openssl.text(
      ['dgst', `-${hash}`, '-verify', '{key}', '-signature', '{signature}', '{signed}'],
      {
        key: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }),
        signature: sequence(integer(r), integer(s)),
        signed: Buffer.concat([...parts, cborBytes(pcrInfo(PCR0))]),
      },
    )
    expect(verified).toBe('Verified OK\n')
  })
})

/** The bytes of the array after the text `signature`, to the end of the image. */
function lastArray(image: Buffer): Buffer {
  let position = image.lastIndexOf('signature') + 'signature'.length
  position += image[position] === 0x98 ? 2 : 3
  const bytes: number[] = []
  for (; position < image.length; position++) {
    const wide = image[position] === 0x18
    if (wide) position += 1
    bytes.push(image.readUInt8(position))
  }
  return Buffer.from(bytes)
}

/** ECDSA-Sig-Value in DER. */
function integer(value: Buffer): Buffer {
  const start = value.findIndex((byte) => byte !== 0)
  const short = value.subarray(start)
  const positive = (short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), short]) : short
  return Buffer.concat([Buffer.of(0x02, positive.length), positive])
}
function sequence(...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const length = content.length < 128 ? [content.length] : [0x81, content.length]
  return Buffer.concat([Buffer.of(0x30, ...length), content])
}
