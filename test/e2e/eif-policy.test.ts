import { describe, expect, it } from 'vitest'
import { eifBytes, LEAST, part, register } from '../image/eif-bytes.js'
import { eifFolder } from '../image/eif-folder.js'
import { type CliResult, cli, json } from '../support/cli.js'

const PCR0 = register('the kernel', 'console=ttyS0', 'the first ramdisk')

const text = ({ stdout }: CliResult) => stdout.toString('utf8')

describe('nitro-enclave eif policy', () => {
  const ROLE = 'arn:aws:iam::123456789012:role/parent'

  it('prints a document for GenerateRandom, and where it goes', async () => {
    const result = await cli(['eif', 'policy', '--action', 'GenerateRandom', eifFolder().image(LEAST)])
    expect(result.code).toBe(0)
    expect(json<object>(result)).toMatchObject({
      Statement: [{ Action: 'kms:GenerateRandom', Resource: '*' }],
    })
    expect(text(result)).toContain(PCR0)
    expect(result.stderr).toContain('Attach this document to the IAM role of the parent instance')
  })

  it('prints a statement of a key policy for the others', async () => {
    const policy = ['eif', 'policy', '--action', 'Decrypt', eifFolder().image(LEAST), '--pcr', '1,2']
    const without = await cli(policy)
    expect([without.code, text(without), without.stderr]).toEqual([
      1,
      '',
      expect.stringContaining('--role ARN'),
    ])
    const result = await cli([...policy, '--role', ROLE])
    expect(json<object>(result)).toMatchObject({ Principal: { AWS: ROLE }, Action: 'kms:Decrypt' })
    expect(text(result)).toContain('"kms:RecipientAttestation:PCR2"')
    expect(result.stderr).toContain('the policy of the KMS key')
  })

  it('reads what describe and nitro-cli print, from a file or standard input', async () => {
    const { image, file } = eifFolder()
    const { stdout } = await cli(['eif', 'describe', image(LEAST), '--json'])
    const policy = ['eif', 'policy', '--action', 'GenerateRandom']
    expect(text(await cli([...policy, file('x.json', stdout)]))).toContain(PCR0)
    expect(text(await cli([...policy, '-'], { input: stdout }))).toContain(PCR0)
  })

  it('refuses registers that are zero, and warns of them where they are wanted', async () => {
    const { file } = eifFolder()
    const zero = file(
      'x.json',
      JSON.stringify({ Measurements: { PCR0: '0'.repeat(96), PCR1: '0'.repeat(96) } }),
    )
    const command = ['eif', 'policy', '--action', 'GenerateRandom', zero, '--pcr', '1']
    expect(await cli(command)).toMatchObject({
      code: 3,
      stdout: Buffer.alloc(0),
      stderr: expect.stringMatching(
        /PCR0 is zero, which pins nothing.*ERR_POLICY_DEBUG_MODE.*--allow-debug/s,
      ),
    })
    const result = await cli([...command, '--allow-debug'])
    expect(result.code).toBe(0)
    expect(result.stderr.match(/PCR[01] is zero, which pins nothing/g)).toHaveLength(2)
  })

  it('pins no image that is not as it was built, and no certificate whose signature does not hold', async () => {
    const { file, image } = eifFolder()
    const policy = ['eif', 'policy', '--action', 'GenerateRandom']
    const broken = await cli([...policy, file('broken', eifBytes(LEAST, { crc: 1 }))])
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining('ERR_EIF_CRC') })
    const forged = image([...LEAST, part('signature', 'no CBOR')], 'forged')
    expect((await cli([...policy, forged])).code).toBe(0)
    const pinned = await cli([...policy, forged, '--pcr', '8'])
    expect(pinned).toMatchObject({ code: 2, stderr: expect.stringContaining('ERR_EIF_SIGNATURE') })
  })

  it.each(['32', '1,,2'])('refuses --pcr %s', async (pcr) => {
    const policy = ['eif', 'policy', '--action', 'GenerateRandom', '-', `--pcr=${pcr}`]
    expect((await cli(policy)).code).toBe(1)
  })
})
