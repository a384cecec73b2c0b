import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { type PolicyFlags, policyOptions, readPolicyFlags } from '../../cli/verification-policy-flags.js'
import { AWS_NITRO_ROOT } from '../../shared/attestation/index.js'
import { temporaryFolder } from '../support/cli.js'
import { refusal } from '../support/errors.js'

const hex = (byte: number) => Buffer.alloc(48, byte).toString('hex')
const ROLE = 'arn:aws:iam::123456789012:role/parent'

/** What a command line asks for; with a policy, it stands in policy.json. */
const asked = async (args: readonly string[], policy?: object) => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(policy ?? {}))
  const file = policy === undefined ? [] : ['--policy', join(folder, 'policy.json')]
  const command = policyOptions(new Command('verify').exitOverride().configureOutput({ writeErr: () => {} }))
  command.parse([...args, ...file], { from: 'user' })
  return readPolicyFlags(command.opts<PolicyFlags>(), 'document.bin')
}

const inFile = (content: Uint8Array | string) => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, content)
  return path
}

describe('the flags of verify', () => {
  it('ask for nothing when there are none', async () => {
    expect(await asked([])).toEqual({})
  })

  it('ask for what they say', async () => {
    const signer = inFile(AWS_NITRO_ROOT)
    const key = inFile('raw key')
    const args = ['--role-arn', ROLE, '--instance-id', 'i-1', '--module-id', 'i-1-enc2', '--nonce', '00ff']
    const more = ['--user-data', '07', '--public-key', key, '--signing-certificate', signer, '--root', signer]
    const times = ['--max-age', '1.5', '--clock-tolerance', '2', '--at', '2026-03-01T12:00:00Z']
    expect(await asked([...args, ...more, ...times, '--allow-debug'])).toEqual({
      roleArn: [ROLE],
      instanceId: ['i-1'],
      moduleId: ['i-1-enc2'],
      nonce: Buffer.of(0, 255),
      userData: Buffer.of(7),
      publicKey: Buffer.from('raw key'),
      signingCertificate: [AWS_NITRO_ROOT.trim()],
      roots: [AWS_NITRO_ROOT.trim()],
      maxAge: 1500,
      clockTolerance: 2000,
      allowDebug: true,
      now: new Date('2026-03-01T12:00:00Z'),
    })
  })

  it('given again are further values', async () => {
    const pcrs = ['--pcr', `0=${hex(1)}`, '--pcr', `4=${hex(4)}`, '--pcr', `0=${hex(2)}`]
    expect(await asked([...pcrs, '--role-arn', 'a', '--role-arn', 'b'])).toEqual({
      pcrs: { 0: [hex(1), hex(2)], 4: [hex(4)] },
      roleArn: ['a', 'b'],
    })
  })

  it('take a public key in hex, or from a file', async () => {
    expect(await asked(['--public-key', 'cafe'])).toEqual({ publicKey: Buffer.from('cafe', 'hex') })
  })

  it('take PEM with text before it, whatever the text begins with', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = inFile(`0 certificates before this one\n${AWS_NITRO_ROOT}`)
    const key = inFile(`0 keys before this one\n${publicKey.export({ format: 'pem', type: 'spki' })}`)
    expect(await asked(['--signing-certificate', pem, '--root', pem, '--public-key', key])).toEqual({
      signingCertificate: [AWS_NITRO_ROOT.trim()],
      roots: [AWS_NITRO_ROOT.trim()],
      publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    })
  })

  it('take certificates in DER', async () => {
    const der = new X509Certificate(AWS_NITRO_ROOT).raw
    const file = inFile(der)
    const options = await asked(['--signing-certificate', file, '--root', file])
    expect(options).toEqual({ signingCertificate: [der], roots: [der] })
  })

  it.each([
    ['--pcr', '0=ab'],
    ['--pcr', `32=${hex(1)}`],
    ['--max-age', 'old'],
  ])('refuse %s %s', async (...args) => {
    await expect(asked(args)).rejects.toThrow(/argument '.*' is invalid/)
  })

  it('refuse an empty nonce, and take empty user data', async () => {
    await expect(asked(['--nonce', ''])).rejects.toThrow(/'--nonce <hex>'.*not an empty text/)
    expect(await asked(['--user-data', ''])).toEqual({ userData: Buffer.of() })
  })

  it.each(['--nonce', '--user-data', '--public-key'])(
    'refuse %s with a digit too many, unshown',
    async (flag) => {
      const message = await asked([flag, '5ec2e7a']).catch(String)
      expect(message).toMatch(/(nonce|user-data|public key).*hex digits, two a byte/)
      expect(message).not.toContain('5ec2e7')
    },
  )

  it.each([
    ['--policy', '/dev/null'],
    ['--nonce', '00'],
    ['--user-data', '00'],
    ['--public-key', '00'],
    ['--max-age', '1'],
    ['--clock-tolerance', '1'],
    ['--at', '2026-03-01'],
  ])('refuse %s given twice', async (flag, value) => {
    await expect(asked([flag, value, flag, value])).rejects.toThrow(new RegExp(`'${flag} <.*given twice`))
  })
})

describe('flags beside a policy', () => {
  const policy = { pcrs: { 0: hex(1), 8: [hex(8)] }, nonce: '00', roleArn: ROLE, maxAgeSeconds: 1 }

  it('leave what they do not name', async () => {
    const options = await asked(['--user-data', '07'], policy)
    expect(Object.keys(options).toSorted()).toEqual(['maxAge', 'nonce', 'pcrs', 'roleArn', 'userData'])
  })

  it('replace the member that asks the same', async () => {
    const options = await asked(['--nonce', '01', '--role-arn', 'other', '--max-age', 'none'], policy)
    expect(options).toMatchObject({
      nonce: Buffer.of(1),
      roleArn: ['other'],
      maxAge: Number.POSITIVE_INFINITY,
    })
  })

  it('replace one register, not the others', async () => {
    const { pcrs } = await asked(['--pcr', `0=${hex(2)}`, '--pcr', `1=${hex(3)}`], policy)
    expect(pcrs).toEqual({ 0: [hex(2)], 1: [hex(3)], 8: [Uint8Array.from(Buffer.from(hex(8), 'hex'))] })
  })

  it('mend no mistake of the policy', async () => {
    const error = await refusal(() => asked(['--nonce', '01'], { nonce: 'x' }))
    expect(error.code).toBe('ERR_USAGE')
  })

  it('cannot stand with document and policy on one standard input', async () => {
    const error = await refusal(() => readPolicyFlags({ policy: '-' }, '-'))
    expect(error.message).toBe('standard input is the document or the policy, not both')
  })
})
