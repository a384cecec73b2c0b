import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cli, isAlive, json, temporaryFolder } from '../support/cli.js'

interface Account {
  numberOfBytes: number
  random: string
  document: { moduleId: string; timestamp: string; pcrs: Record<string, string>; size: number }
  verification: { ok: boolean; code?: string; chain: string[] }
  ciphertextForRecipient: { size: number; segments: number }
  parent: { bytesUp: number; bytesDown: number; sawPlaintext: boolean }
  processes: { enclave: number; parentProxy: number; kms: number }
  timings: Record<string, number>
}

interface Failure {
  error: { name: string; message: string; code?: string; requestId?: string; hint?: string; status?: number }
}

const ZERO = '00'.repeat(48)
const ONE = '01'.repeat(48)

function policyFile(pcr0: string): string {
  const file = join(temporaryFolder(), 'policy.json')
  const Condition = { StringEqualsIgnoreCase: { 'kms:RecipientAttestation:ImageSha384': pcr0 } }
  const Statement = { Effect: 'Allow', Action: 'kms:GenerateRandom', Resource: '*', Condition }
  writeFileSync(file, JSON.stringify({ Version: '2012-10-17', Statement }))
  return file
}

describe('nitro-enclave simulate', () => {
  it('gives random bytes and an account of three processes', async () => {
    const result = await cli(['simulate', '--json'])
    expect(result.stderr).toBe('')
    expect(result.code).toBe(0)
    const account = json<Account>(result)
    expect(account).toMatchObject({
      numberOfBytes: 32,
      random: expect.stringMatching(/^[0-9a-f]{64}$/),
      document: { moduleId: expect.stringMatching(/^i-simulated[0-9a-f]{8}-enc[0-9a-f]{16}$/) },
      verification: { ok: true },
      ciphertextForRecipient: { size: 493, segments: 1 },
      parent: { sawPlaintext: false },
    })
    expect(account.verification.chain).toHaveLength(5)
    expect(account.parent.bytesUp).toBeGreaterThan(account.document.size)
    expect(account.parent.bytesDown).toBeGreaterThan(493)
    for (const index of ['0', '1', '2', '3', '4']) expect(account.document.pcrs[index]).not.toBe(ZERO)
    expect(Object.keys(account.document.pcrs)).toHaveLength(16)
    for (const ms of Object.values(account.timings)) expect(ms).toBeGreaterThan(0)
    const pids = Object.values(account.processes)
    expect(new Set([process.pid, ...pids]).size).toBe(4)
    expect(pids.filter(isAlive)).toEqual([])
  })

  it('tells the six steps to a person', async () => {
    const { code, stdout } = await cli(['simulate', '--bytes', '12'])
    const text = stdout.toString('utf8')
    expect(code).toBe(0)
    for (const step of [1, 2, 3, 4, 5, 6]) expect(text).toMatch(new RegExp(`^ ${step} (enclave|KMS)`, 'm'))
    expect(text).toMatch(/module_id i-simulated/)
    expect(text).toMatch(/^random bytes: [0-9a-f]{24}$/m)
  })

  it('receives 1,024 bytes in an envelope of several segments', async () => {
    const account = json<Account>(await cli(['simulate', '--bytes', '1024', '--json']))
    expect(account.random).toHaveLength(2048)
    expect(account.ciphertextForRecipient.segments).toBe(2)
    expect(account.parent.sawPlaintext).toBe(false)
  })

  it('attests the registers that are asked for', async () => {
    const account = json<Account>(
      await cli(['simulate', '--json', '--pcr', `0=${ONE}`, '--pcr', `16=${ONE}`]),
    )
    expect(account.document.pcrs).toMatchObject({ 0: ONE, 16: ONE })
  })

  it('says that an enclave of zero registers is in debug mode', async () => {
    const zeros = ['0', '1', '2'].flatMap((index) => ['--pcr', `${index}=${ZERO}`])
    const account = json<Account>(await cli(['simulate', '--json', ...zeros]))
    expect(account.verification).toMatchObject({ ok: false, code: 'ERR_POLICY_DEBUG_MODE' })
  })

  it("shows KMS's refusal, its request id and both values of PCR0 when the policy wants another image", async () => {
    const policy = policyFile(ONE)
    const result = await cli(['simulate', '--policy', policy])
    expect(result.code).toBe(4)
    expect(result.stderr).toMatch(
      /AccessDeniedException: User: arn:aws:sts::\S+ is not authorized to perform: kms:GenerateRandom/,
    )
    expect(result.stderr).toMatch(/request id: [0-9a-f-]{36}/)
    expect(result.stderr).toMatch(new RegExp(`hint: PCR0 differs.*${ONE}.*[0-9a-f]{96}`))
    expect(result.stdout.toString('utf8')).toBe('')
    const failed = await cli(['simulate', '--json', '--policy', policy])
    expect(failed.code).toBe(4)
    expect(json<Failure>(failed).error).toMatchObject({
      name: 'AccessDeniedException',
      hint: expect.stringContaining(ONE),
    })
  })

  it('obeys a policy that names the registers of the enclave', async () => {
    const { code } = await cli(['simulate', '--pcr', `0=${ONE}`, '--policy', policyFile(ONE)])
    expect(code).toBe(0)
  })

  it.each([
    [
      '1025',
      "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024",
    ],
    [
      '0',
      "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
  ])('repeats what KMS says to --bytes %s', async (bytes, message) => {
    const result = await cli(['simulate', '--bytes', bytes, '--json'])
    expect(result.code).toBe(4)
    expect(json<Failure>(result).error).toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining(message),
      status: 400,
    })
  })

  it.each([
    ['--custom-key-store-id cks-1', 'CustomKeyStoreNotFoundException'],
    [
      '--custom-key-store-id cks-1 --custom-key-store cks-1=disconnected',
      'CustomKeyStoreInvalidStateException',
    ],
    ['--custom-key-store-id cks-1 --custom-key-store cks-1=external', 'UnsupportedOperationException'],
  ])('fails with %s', async (flags, name) => {
    const result = await cli(['simulate', '--json', ...flags.split(' ')])
    expect(result.code).toBe(4)
    expect(json<Failure>(result).error.name).toBe(name)
  })

  it('is served by a connected custom key store', async () => {
    const flags = '--custom-key-store-id cks-1 --custom-key-store cks-1=connected'
    expect((await cli(['simulate', ...flags.split(' ')])).code).toBe(0)
  })

  it('keeps the forwarded bytes in a trace, TLS records both ways', async () => {
    const trace = join(temporaryFolder(), 'trace')
    const account = json<Account>(await cli(['simulate', '--json', '--trace', trace]))
    const bytes = readFileSync(trace)
    const sums = { up: 0, down: 0 }
    const first = { up: 0, down: 0 }
    for (let offset = 0; offset < bytes.length; ) {
      const direction = bytes[offset] === 0 ? 'up' : 'down'
      const length = bytes.readUInt32BE(offset + 13)
      if (sums[direction] === 0) first[direction] = bytes[offset + 17] ?? 0
      sums[direction] += length
      offset += 17 + length
    }
    expect(sums).toEqual({ up: account.parent.bytesUp, down: account.parent.bytesDown })
    // TLS content type 22, handshake (RFC 8446, section 5.1).
    expect(first).toEqual({ up: 22, down: 22 })
    expect(bytes.includes('TrentService')).toBe(false)
  })

  it('takes neither host nor trust from the environment', async () => {
    const env = {
      AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:9',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
      AWS_PROFILE: 'nobody',
      AWS_REGION: 'eu-west-3',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    }
    const result = await cli(['simulate', '--json'], { env })
    expect(result.code).toBe(0)
    expect(json<Account>(result).parent.bytesUp).toBeGreaterThan(5000)
  })

  it.each([
    ['an unknown flag', ['--colour']],
    ['bytes that are no number', ['--bytes', 'many']],
    ['a register that is none', ['--pcr', '0=00']],
    ['a register out of range', ['--pcr', `32=${ONE}`]],
    ['a policy that cannot be read', ['--policy', '/nonexistent/policy.json']],
    ['a trace that cannot be written', ['--trace', '/nonexistent/trace']],
    ['an unknown state of a key store', ['--custom-key-store', 'cks-1=sleeping']],
  ])('ends with 1 on %s', async (_, flags) => {
    const { code, stderr, stdout } = await cli(['simulate', ...flags])
    expect(code).toBe(1)
    expect(stderr).not.toBe('')
    expect(stdout.toString('utf8')).toBe('')
  })

  it('reads a policy that begins with a byte order mark', async () => {
    const file = policyFile(ONE)
    writeFileSync(file, `\ufeff${readFileSync(file, 'utf8')}`)
    expect((await cli(['simulate', '--pcr', `0=${ONE}`, '--policy', file])).code).toBe(0)
  })

  it.each([
    ['is not JSON', 'Statement: everything'],
    ['has a member twice', '{"Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}'],
  ])('ends with 1 on a policy that %s', async (_, text) => {
    const file = join(temporaryFolder(), 'policy.json')
    writeFileSync(file, text)
    const { code, stderr } = await cli(['simulate', '--policy', file])
    expect(code).toBe(1)
    expect(stderr).toContain('ERR_IAM_POLICY')
  })

  it('ends with 1 on a policy that it does not understand, and says where', async () => {
    const file = join(temporaryFolder(), 'policy.json')
    writeFileSync(
      file,
      JSON.stringify({ Statement: { Effect: 'Allow', Action: '*', Resource: '*', NotAction: 'x' } }),
    )
    const { code, stderr } = await cli(['simulate', '--policy', file])
    expect(code).toBe(1)
    expect(stderr).toContain('NotAction')
  })
})
