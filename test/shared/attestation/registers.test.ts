import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { measureCertificate } from '../../../image/measure.js'
import {
  type AttestationPolicy,
  parseAttestation,
  pcr3OfRole,
  pcr4OfInstance,
  pcr8OfCertificate,
  verifyAttestation,
} from '../../../shared/attestation/index.js'
import * as web from '../../../shared/attestation/web.js'
import { UsageError } from '../../../shared/errors.js'
import { makePair, type Pair } from '../../image/signing.js'
import { attestationCases, PCRS, signedBy } from '../../support/attestations.js'
import { buildChain, type Chain, NOW } from '../../support/certificates.js'
import { refusal } from '../../support/errors.js'
import { pem } from '../../support/openssl.js'
import { readVector, withVectors } from '../../support/vectors.js'

const ROLE = 'arn:aws:iam::123456789012:role/Webserver'
/** AWS Nitro Enclaves User Guide, "Where to get an enclave's measurements". */
const ROLE_PCR3 =
  '78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9e98f9e312e6921e6'
const INSTANCE = 'i-0123456789abcdef0'
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const refused = async (call: () => unknown) => {
  const error = await refusal(call)
  expect([error instanceof UsageError, error.code]).toEqual([true, 'ERR_USAGE'])
  return error.message
}

let chain: Chain
let signer: Pair
beforeAll(async () => {
  chain = await buildChain()
  signer = await makePair('P-384')
})

const verify = (pcrs: ReadonlyMap<number, Uint8Array>, policy: AttestationPolicy) =>
  verifyAttestation(signedBy(chain, { pcrs: new Map([...PCRS, ...pcrs]) }), {
    roots: [chain.root],
    now: NOW,
    ...policy,
  })

describe('PCR3 of a role', () => {
  it('is what AWS gives as an example', async () => {
    expect(hexOf(await pcr3OfRole(ROLE))).toBe(ROLE_PCR3)
    expect(hexOf(await web.pcr3OfRole(ROLE))).toBe(ROLE_PCR3)
  })

  it.each([
    'arn:aws-cn:iam::123456789012:role/x',
    'arn:aws-us-gov:iam::123456789012:role/a/path/x',
    'arn:aws:iam::123456789012:role/a+b=c,d.e@f-g_h',
  ])('is there for %s', async (role) => {
    expect((await pcr3OfRole(role)).length).toBe(48)
  })

  it.each<[string, unknown]>([
    ['a session', 'arn:aws:sts::123456789012:assumed-role/x/i-0123456789abcdef0'],
    ['an instance profile', 'arn:aws:iam::123456789012:instance-profile/x'],
    ['a user', 'arn:aws:iam::123456789012:user/x'],
    ['a pattern', 'arn:aws:iam::123456789012:role/*'],
    ['no name', 'arn:aws:iam::123456789012:role/'],
    ['an account of eleven digits', 'arn:aws:iam::12345678901:role/x'],
    ['a name alone', 'Webserver'],
    ['a word before it', `the ${ROLE}`],
    ['a line break', `${ROLE}\n`],
    ['nothing', ''],
    ['null', null],
    ['a list', [ROLE]],
  ])('is none for %s', async (_, role) => {
    expect(await refused(() => pcr3OfRole(role as string))).toContain('is not the ARN of an IAM role')
  })
})

describe('PCR4 of an instance', () => {
  it('is SHA-384 of 48 zeros and the id', async () => {
    const expected = createHash('sha384').update(Buffer.alloc(48)).update(INSTANCE).digest('hex')
    expect(hexOf(await pcr4OfInstance(INSTANCE))).toBe(expected)
    expect(hexOf(await web.pcr4OfInstance(INSTANCE))).toBe(expected)
  })

  it('is there for an old id, and for a simulated one', async () => {
    expect((await pcr4OfInstance('i-01234567')).length).toBe(48)
    expect((await pcr4OfInstance('i-simulated01234567')).length).toBe(48)
  })

  it.each<[string, unknown]>([
    ['a module id', `${INSTANCE}-enc0123456789abcdef`],
    ['capitals', INSTANCE.toUpperCase()],
    ['an id that is too short', 'i-0123456789abcde'],
    ['a word before it', `the ${INSTANCE}`],
    ['a line break', `${INSTANCE}\n`],
    ['nothing', ''],
    ['a number', 7],
    ['a list', [INSTANCE]],
  ])('is none for %s', async (_, id) => {
    expect(await refused(() => pcr4OfInstance(id as string))).toContain('is not the id of an instance')
  })

  withVectors('of real hardware', (directory) => {
    const cases = [...attestationCases(directory, 'real'), ...attestationCases(directory, 'debug')]
    it.each(cases)('is the one of $file', async ({ file, moduleId, time }) => {
      const bytes = readVector(directory, `attestation/${file}`)
      const instanceId = parseAttestation(bytes).document.moduleId.replace(/-enc.*/, '')
      expect(moduleId.startsWith(instanceId)).toBe(true)
      const options = { now: new Date(time), allowDebug: true }
      await expect(verifyAttestation(bytes, { ...options, instanceId })).resolves.toBeDefined()
      const error = await refusal(() => verifyAttestation(bytes, { ...options, instanceId: INSTANCE }))
      expect(error.message).toContain(`another parent instance: ${instanceId}, by module_id`)
    })
  })
})

describe('PCR8 of a certificate', () => {
  it('is the one that an image signed with it has', async () => {
    const expected = measureCertificate(signer.der)
    expect(hexOf(await pcr8OfCertificate(signer.certificate))).toBe(expected)
    expect(hexOf(await pcr8OfCertificate(signer.der))).toBe(expected)
    expect(hexOf(await web.pcr8OfCertificate(signer.certificate))).toBe(expected)
  })

  it('is by nitro-cli’s formula: SHA-384 of 48 zeros and the SHA-384 of the DER', async () => {
    const inner = createHash('sha384').update(signer.der).digest()
    const expected = createHash('sha384').update(Buffer.alloc(48)).update(inner).digest('hex')
    expect(hexOf(await pcr8OfCertificate(signer.certificate))).toBe(expected)
  })

  it('is none for what is not one certificate', async () => {
    const { certificate, keyText } = signer
    const others = [certificate + certificate, keyText, '', 'signer.pem', null, new Uint8Array(0)]
    for (const other of others)
      expect(await refused(() => pcr8OfCertificate(other as string))).toBe(
        'signingCertificate is not one certificate, in PEM or DER',
      )
  })

  it('is none for PEM in bytes, whose PCR8 no image has', async () => {
    const message = await refused(() => pcr8OfCertificate(Buffer.from(signer.certificate)))
    expect(message).toBe('signingCertificate is bytes that are no certificate in DER; PEM is a text')
  })
})

describe('a policy by what was measured', () => {
  it('is met by the registers of all three', async () => {
    const pcrs = new Map([
      [3, await pcr3OfRole(ROLE)],
      [4, await pcr4OfInstance(INSTANCE)],
      [8, await pcr8OfCertificate(signer.certificate)],
    ])
    const policy = { roleArn: ROLE, instanceId: INSTANCE, signingCertificate: signer.certificate }
    const { checks } = await verify(pcrs, policy)
    expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['PCR3', 'PCR4', 'PCR8']))
  })

  it('takes lists of which any will do', async () => {
    const pcrs = new Map([
      [3, await pcr3OfRole(ROLE)],
      [4, await pcr4OfInstance(INSTANCE)],
      [8, await pcr8OfCertificate(signer.certificate)],
    ])
    const policy = {
      roleArn: [`${ROLE}2`, ROLE],
      instanceId: ['i-0123456789abcdef1', INSTANCE],
      signingCertificate: [chain.root, signer.certificate],
    }
    await expect(verify(pcrs, policy)).resolves.toBeDefined()
  })

  it.each<[string, AttestationPolicy, string]>([
    [
      'role',
      { roleArn: ROLE },
      `PCR3 is .*${ROLE_PCR3} \\(of ${ROLE}\\) \\(the parent instance has another IAM role\\)`,
    ],
    ['instance', { instanceId: INSTANCE }, `PCR4 is .*\\(of ${INSTANCE}\\)`],
  ])('is not met by another %s, and says what was asked for', async (_, policy, message) => {
    const error = await refusal(() => verify(new Map(), policy))
    expect([error.code, error.message]).toEqual(['ERR_POLICY_PCR', expect.stringMatching(message)])
  })

  it('is not met by another certificate', async () => {
    const error = await refusal(() => verify(new Map(), { signingCertificate: signer.certificate }))
    expect(error.code).toBe('ERR_POLICY_PCR')
    expect(error.message).toContain('of the signing certificate')
    expect(error.message).toContain('the image is signed with another certificate')
  })

  it('adds to a register that is asked for by its value, and replaces nothing', async () => {
    const pcrs = new Map([[3, await pcr3OfRole(ROLE)]])
    const error = await refusal(() => verify(pcrs, { roleArn: ROLE, pcrs: { 3: 'ab'.repeat(48) } }))
    expect(error.code).toBe('ERR_POLICY_PCR')
  })

  it.each<[string, unknown]>([
    ['roleArn', []],
    ['roleArn', [ROLE, null]],
    ['roleArn', undefined],
    ['instanceId', 'i-1'],
    ['instanceId', undefined],
    ['signingCertificate', [pem('CERTIFICATE', Buffer.from('no certificate'))]],
    ['signingCertificate', undefined],
  ])('cannot be by a %s of %o', async (name, value) => {
    await refused(() => verifyAttestation(new Uint8Array(0), { [name]: value }))
  })
})
