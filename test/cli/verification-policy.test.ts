import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseVerificationPolicy, readVerificationPolicy } from '../../cli/verification-policy.js'
import { AWS_NITRO_ROOT, verifyAttestation } from '../../shared/attestation/index.js'
import { NitroEnclaveError, UsageError } from '../../shared/errors.js'
import { makePair, type Pair } from '../image/signing.js'
import { temporaryFolder } from '../support/cli.js'
import { refusal } from '../support/errors.js'

const PCR = 'ab'.repeat(48)
const OTHER = 'cd'.repeat(48)
const ROLE = 'arn:aws:iam::123456789012:role/parent'
const INSTANCE = 'i-0123456789abcdef0'
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

let signer: Pair
beforeAll(async () => {
  signer = await makePair('P-384')
})

const parse = (policy: unknown, file = 'policy.json') => parseVerificationPolicy(JSON.stringify(policy), file)
const mistakes = async (text: unknown) => {
  const call = () =>
    parseVerificationPolicy(typeof text === 'string' ? text : JSON.stringify(text), 'dir/policy.json')
  const error = await refusal(call)
  expect([error instanceof UsageError, error.code]).toEqual([true, 'ERR_USAGE'])
  const lines = error.message.split('\n')
  for (const line of lines) expect(line).toMatch(/^dir\/policy\.json: /)
  return lines.map((line) => line.slice('dir/policy.json: '.length))
}

/** A policy.json in a folder of its own, among other files. */
const folderWith = (policy: unknown, files: Readonly<Record<string, string | Uint8Array>>) => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'keys'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const file = join(folder, 'policy.json')
  writeFileSync(file, JSON.stringify(policy))
  return file
}

describe('a policy.json', () => {
  it('asks for everything that the library can ask for', async () => {
    const policy = {
      pcrs: { 0: [PCR, OTHER], 8: PCR.toUpperCase() },
      roleArn: ROLE,
      instanceId: [INSTANCE, 'i-01234567'],
      moduleId: `${INSTANCE}-enc0`,
      nonce: '0011',
      userData: '',
      publicKey: 'a0b1',
      maxAgeSeconds: 1.5,
      clockToleranceSeconds: 0,
      allowDebug: true,
    }
    expect(await parse(policy)).toEqual({
      pcrs: { 0: [bytes(PCR), bytes(OTHER)], 8: [bytes(PCR)] },
      roleArn: [ROLE],
      instanceId: [INSTANCE, 'i-01234567'],
      moduleId: [`${INSTANCE}-enc0`],
      nonce: bytes('0011'),
      userData: bytes(''),
      publicKey: Buffer.from('a0b1', 'hex'),
      maxAge: 1500,
      clockTolerance: 0,
      allowDebug: true,
    })
  })

  it('of nothing asks for nothing', async () => {
    expect(await parse({})).toEqual({})
  })

  it('may have an age without a limit, written out', async () => {
    expect(await parse({ maxAgeSeconds: 'none' })).toEqual({ maxAge: Number.POSITIVE_INFINITY })
  })

  it('names files relative to itself', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const file = folderWith(
      {
        signingCertificate: ['signer.pem', 'keys/signer.der'],
        roots: 'roots.pem',
        publicKey: 'keys/key.pem',
      },
      {
        'signer.pem': `Certificate:\n    Data:\n${signer.certificate}`,
        'keys/signer.der': signer.der,
        'roots.pem': AWS_NITRO_ROOT + signer.certificate,
        'keys/key.pem': publicKey.export({ format: 'pem', type: 'spki' }),
      },
    )
    const options = await readVerificationPolicy(file)
    expect(options.signingCertificate).toEqual([signer.certificate.trim(), Buffer.from(signer.der)])
    expect(options.roots).toEqual([AWS_NITRO_ROOT.trim(), signer.certificate.trim()])
    expect(options.publicKey).toEqual(publicKey.export({ format: 'der', type: 'spki' }))
    expect(createPublicKey(publicKey.export({ format: 'pem', type: 'spki' })).equals(publicKey)).toBe(true)
  })

  it('takes a public key that is no PEM as the bytes of its file', async () => {
    const file = folderWith({ publicKey: 'key.raw' }, { 'key.raw': Uint8Array.of(1, 2, 3) })
    expect((await readVerificationPolicy(file)).publicKey).toEqual(Buffer.of(1, 2, 3))
  })

  it('may begin with a byte order mark', async () => {
    const file = folderWith({}, {})
    writeFileSync(file, `\ufeff{"nonce":"01"}`)
    expect(await readVerificationPolicy(file)).toEqual({ nonce: bytes('01') })
  })
})

describe('a policy.json with mistakes', () => {
  it.each<[string, unknown, string]>([
    ['a misspelt member', { roleArm: ROLE }, 'roleArm: unknown key: did you mean roleArn?'],
    ['a member of the library', { maxAge: 300 }, 'maxAge: unknown key'],
    ['a member that nobody knows', { hello: 1 }, 'hello: unknown key'],
    ['__proto__', '{"__proto__": {"nonce": "00"}}', '__proto__: unknown key'],
    ['a register beyond 31', { pcrs: { 32: PCR } }, 'pcrs.32: a register has a number from 0 to 31'],
    ['a register 00', { pcrs: { '00': PCR } }, 'pcrs.00: a register has a number from 0 to 31'],
    ['a register by name', { pcrs: { PCR0: PCR } }, 'pcrs.PCR0: a register has a number from 0 to 31'],
    ['a list of registers', { pcrs: [PCR] }, 'pcrs: an object of registers by index, not a list'],
    [
      'a register too short',
      { pcrs: { 0: 'ab' } },
      'pcrs.0: a register in hex (SHA-384: 96 digits), or a list of such, not this text',
    ],
    [
      'one in a list',
      { pcrs: { 0: [PCR, 7] } },
      'pcrs.0[1]: a register in hex (SHA-384: 96 digits), not a number',
    ],
    ['no values', { pcrs: { 0: [] } }, 'pcrs.0: an empty list accepts nothing'],
    [
      'a session',
      { roleArn: 'arn:aws:sts::123456789012:assumed-role/x/y' },
      'roleArn: "arn:aws:sts::123456789012:assumed-role/x/y" is not the ARN of an IAM role: arn:aws:iam::123456789012:role/NAME',
    ],
    [
      'no instance',
      { instanceId: [INSTANCE, 'i-1'] },
      'instanceId[1]: "i-1" is not the id of an instance: i-0123456789abcdef0',
    ],
    ['no module id', { moduleId: '' }, 'moduleId: a module id, or a list of such, not an empty text'],
    ['half a byte', { nonce: '123' }, 'nonce: hex digits, two a byte, not this text'],
    ['a number for bytes', { userData: 12 }, 'userData: hex digits, two a byte, not a number'],
    [
      'a key without its quotes',
      { publicKey: 123456789012 },
      'publicKey: hex digits, two a byte, or the path of a key, not a number',
    ],
    ['an empty nonce', { nonce: '' }, 'nonce: hex digits, two a byte, not an empty text'],
    ['no register', { pcrs: {} }, 'pcrs: it names no register'],
    ['null', { nonce: null }, 'nonce: hex digits, two a byte, not null'],
    ['a negative age', { maxAgeSeconds: -1 }, 'maxAgeSeconds: a number of seconds or "none", not -1'],
    [
      'an age with a unit',
      { maxAgeSeconds: '5m' },
      'maxAgeSeconds: a number of seconds or "none", not this text',
    ],
    [
      'an age beyond all numbers',
      '{"maxAgeSeconds": 1e999}',
      'maxAgeSeconds: a number of seconds or "none", not Infinity',
    ],
    [
      'an age beyond all numbers in milliseconds',
      { maxAgeSeconds: 1e306 },
      'maxAgeSeconds: a number of seconds or "none", not 1e+306',
    ],
    [
      'a tolerance beyond all numbers in milliseconds',
      { clockToleranceSeconds: 1e306 },
      'clockToleranceSeconds: a number of seconds, not 1e+306',
    ],
    [
      'an unlimited tolerance',
      { clockToleranceSeconds: 'none' },
      'clockToleranceSeconds: a number of seconds, not this text',
    ],
    ['a debug mode in words', { allowDebug: 'false' }, 'allowDebug: true or false, not this text'],
    ['no roots', { roots: [] }, 'roots: an empty list accepts nothing'],
    [
      'a file that is not there',
      { signingCertificate: '/nonexistent/x.pem' },
      'signingCertificate: cannot read /nonexistent/x.pem: there is no such file',
    ],
    [
      'a file without certificates',
      { roots: ['/dev/null'] },
      'roots: /dev/null holds no certificate in PEM or DER',
    ],
    ['a member that stands twice', '{"nonce": "00", "nonce": "01"}', 'nonce: given twice'],
    [
      'a register that stands twice',
      `{"pcrs": {"0": "${PCR}", "\\u0030": "${OTHER}"}}`,
      'pcrs.0: given twice',
    ],
    ['a list', [], 'a policy is an object'],
    ['a text', '"policy"', 'a policy is an object'],
    ['null in place of all', 'null', 'a policy is an object'],
  ])('says of %s where it stands', async (_, policy, expected) => {
    expect(await mistakes(policy)).toEqual([expected])
  })

  it('says of what is no JSON that it is none, and quotes nothing of it', async () => {
    for (const text of ['', '{', '{"nonce": "5ec2e7"', "{nonce: '5ec2e7'}", '{"nonce": "5ec2e7",}']) {
      const [line = '', ...more] = await mistakes(text)
      expect([line.startsWith('not JSON'), line.includes('5ec2'), more]).toEqual([true, false, []])
    }
  })

  it('says all of them at once', async () => {
    const lines = await mistakes({ roleArm: 1, roleArn: 'x', nonce: 'x', pcrs: { 0: 'x', 99: PCR } })
    const places = lines.map((line) => line.slice(0, line.indexOf(':')))
    expect(places.toSorted()).toEqual(['nonce', 'pcrs.0', 'pcrs.99', 'roleArm', 'roleArn'])
  })

  it('says the first of very many, each cut short', async () => {
    const roleArn = Array.from({ length: 5000 }, () => 'x')
    const lines = await mistakes({ roleArn })
    expect([lines.length, lines.at(-1)]).toEqual([21, 'and 4980 more'])
    const [line = ''] = await mistakes({ signingCertificate: `/${'long'.repeat(10_000)}` })
    expect(line.length).toBeLessThan(1100)
  })

  it.each<[string, object]>([
    ['a text', { nonce: 'not hex: 5ec2e7' }],
    ['a key of half a byte', { publicKey: '5ec2e7a' }],
    ['a key as C writes it', { publicKey: '0x5ec2e7' }],
  ])('shows no value that may be a secret: %s', async (_, policy) => {
    const [line] = await mistakes(policy)
    expect(line).not.toContain('5ec2e7')
  })

  it('is refused when it is a FIFO that nobody may ever write to', async () => {
    const file = join(temporaryFolder(), 'policy.json')
    execFileSync('mkfifo', [file])
    const { message } = await refusal(() => readVerificationPolicy(file))
    expect(message).toBe(`cannot read ${file}: it is not a regular file`)
  })

  it('lets no name drive the terminal', async () => {
    const [line] = await mistakes({ '\u001b[2J': 1 })
    expect(line).toBe('\\u{1b}[2J: unknown key')
  })

  it('wants the signer’s certificate alone', async () => {
    const file = folderWith({ signingCertificate: 'x.pem' }, { 'x.pem': AWS_NITRO_ROOT + AWS_NITRO_ROOT })
    const { message } = await refusal(() => readVerificationPolicy(file))
    expect(message).toContain("x.pem holds 2 certificates; the signer's alone is wanted")
  })

  it('takes no file for a certificate that is none', async () => {
    const broken = '-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n'
    const file = folderWith({ signingCertificate: 'x.pem' }, { 'x.pem': broken })
    const { message } = await refusal(() => readVerificationPolicy(file))
    expect(message).toMatch(/: signingCertificate: signingCertificate is not one certificate, in PEM or DER$/)
  })
})

describe('any JSON at all', () => {
  const members = ['pcrs', 'signingCertificate', 'roleArn', 'instanceId', 'moduleId', 'nonce', 'userData']
  const more = [
    'publicKey',
    'maxAgeSeconds',
    'clockToleranceSeconds',
    'allowDebug',
    'roots',
    '__proto__',
    'x',
  ]
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom<unknown>(
      PCR,
      [PCR],
      '',
      'none',
      'ab',
      { 0: PCR },
      { 31: [PCR, OTHER] },
      ROLE,
      INSTANCE,
      0,
      true,
    ),
  )
  const policies = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.dictionary(fc.constantFrom(...members, ...more), value, { noNullPrototype: true }),
    fc.dictionary(fc.constantFrom(...members, ...more), value).map((entries) => ({ ...entries })),
  )

  it('is a policy that the verifier takes, or a typed error', async () => {
    const outcomes = { policy: 0, error: 0 }
    const property = fc.asyncProperty(policies, async (policy) => {
      const text = JSON.stringify(policy)
      try {
        const options = await parseVerificationPolicy(text, '/nonexistent/policy.json')
        // What it was read as asks for as many things as it says, and means something to the verifier.
        expect(Object.keys(options)).toHaveLength(Object.keys(policy as object).length)
        const { code } = await refusal(() => verifyAttestation(new Uint8Array(0), options))
        expect(code).toBe('ERR_DOCUMENT_SIZE')
        outcomes.policy++
      } catch (error) {
        if (!(error instanceof NitroEnclaveError)) throw error
        expect(error.code).toBe('ERR_USAGE')
        outcomes.error++
      }
    })
    await fc.assert(property, { numRuns: 500 })
    expect(outcomes.policy).toBeGreaterThan(0)
    expect(outcomes.error).toBeGreaterThan(0)
  })
})
