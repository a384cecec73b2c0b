import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cli, json, temporaryFolder } from '../support/cli.js'
import { readJsonVector, readVector, withVectors } from '../support/vectors.js'

interface Case {
  file: string
  category: string
  time?: string | null
  moduleId?: string
}

interface Verdict {
  ok: boolean
  code?: string
  message?: string
  moduleId: string | null
  timestamp: string
  digest: string
  pcrs: Record<string, string>
  publicKey: string | null
  userData: string | null
  nonce: string | null
  debugMode: boolean
  chain: { subject: string; notBefore: string; notAfter: string }[]
}

withVectors('nitro-enclave verify, on documents that hardware signed', (vectors) => {
  const cases = readJsonVector<Case[]>(vectors, 'attestation/cases.json')
  const path = (file: string): string => join(vectors, 'attestation', file)
  const at = ({ time }: Case): string[] => (time ? ['--at', time] : [])
  const [first] = cases.filter(({ category }) => category === 'real')
  if (first === undefined) throw new Error('no real documents')

  it.each(cases.filter(({ category }) => category === 'real'))('accepts $file at its time', async (one) => {
    const result = await cli(['verify', path(one.file), ...at(one), '--json'])
    expect(result.code).toBe(0)
    expect(json<Verdict>(result)).toMatchObject({
      ok: true,
      moduleId: one.moduleId,
      digest: 'SHA384',
      debugMode: false,
    })
    expect(json<Verdict>(result).chain).toHaveLength(5)
    expect(new Date(json<Verdict>(result).timestamp).toISOString()).toBe(one.time)
  })

  it.each(cases.filter(({ category }) => category === 'real-debug'))(
    'refuses $file unless allowed',
    async (one) => {
      const refused = await cli(['verify', path(one.file), ...at(one), '--json'])
      expect(refused.code).toBe(3)
      expect(json<Verdict>(refused)).toMatchObject({
        ok: false,
        code: 'ERR_POLICY_DEBUG_MODE',
        debugMode: true,
      })
      const allowed = await cli(['verify', path(one.file), ...at(one), '--allow-debug'])
      expect(allowed.code).toBe(0)
    },
  )

  it.each([
    ['invalid/eternisai-remote-attestation-verifier_20240723T212940_5f42eb91.bin', 'ERR_COSE_SIGNATURE'],
    ['invalid/base-nitro-validator_fixture-missing-3-bytes.bin', 'ERR_CBOR_UTF8'],
    ['invalid/blocky-nitrite_nots_e388022c.bin', 'ERR_COSE_STRUCTURE'],
  ])('refuses %s with %s', async (file, code) => {
    const one = cases.find((candidate) => candidate.file === file)
    const result = await cli(['verify', path(file), ...(one ? at(one) : []), '--json'])
    expect(result.code).toBe(2)
    expect(json<Verdict>(result)).toMatchObject({ ok: false, code })
  })

  it('refuses an archived document today: its certificates have expired', async () => {
    const { code, stderr } = await cli(['verify', path(first.file)])
    expect(code).toBe(2)
    expect(stderr).toContain('ERR_CERTIFICATE_EXPIRED')
    expect(stderr).toContain('--at TIME')
  })

  it.each(['base64', 'hex', 'base64url'] as const)('reads %s from standard input', async (encoding) => {
    const input = `${Buffer.from(readVector(vectors, `attestation/${first.file}`)).toString(encoding)}\n`
    expect((await cli(['verify', '-', ...at(first)], { input })).code).toBe(0)
  })

  it('reads text with a byte order mark and lines of any end', async () => {
    const lines = Buffer.from(readVector(vectors, `attestation/${first.file}`))
      .toString('base64')
      .replace(/.{76}/g, '$&\r\n')
    expect((await cli(['verify', '-', ...at(first)], { input: `\ufeff${lines}\r\n` })).code).toBe(0)
  })

  it.each([
    ['another PCR0', ['--pcr', `0=${'00'.repeat(48)}`], 'ERR_POLICY_PCR'],
    ['a register that is not there', ['--pcr', `31=${'00'.repeat(48)}`], 'ERR_POLICY_PCR'],
    ['a nonce', ['--nonce', '00'], 'ERR_POLICY_NONCE'],
    ['user data', ['--user-data', '00'], 'ERR_POLICY_USER_DATA'],
  ])('ends with 3 when %s is required', async (_, flags, code) => {
    const result = await cli(['verify', path(first.file), ...at(first), ...flags, '--json'])
    expect(result.code).toBe(3)
    expect(json<Verdict>(result).code).toBe(code)
  })

  it('judges the age of a document', async () => {
    const time = new Date(Date.parse(first.time ?? '') + 400_000).toISOString()
    const late = ['verify', path(first.file), '--at', time]
    expect((await cli(late)).code).toBe(3)
    expect((await cli([...late, '--max-age', '500'])).code).toBe(0)
    expect((await cli([...late, '--max-age', 'none'])).code).toBe(0)
  })

  it('trusts another root only when told so, and then no other', async () => {
    const root = join(vectors, 'certs/aws-nitro-root-g1.pem')
    expect((await cli(['verify', path(first.file), ...at(first), '--root', root])).code).toBe(0)
    const other = join(temporaryFolder(), 'root.pem')
    // One letter in the middle: a root of the same name, and not the same.
    writeFileSync(
      other,
      readFileSync(root, 'utf8').replace(/(?<=\n.{20})[A-Za-z](?=.{43}\n-----END|.{43}\n)/, (c) =>
        c === 'A' ? 'B' : 'A',
      ),
    )
    const result = await cli(['verify', path(first.file), ...at(first), '--root', other])
    expect(result.code).toBe(2)
    expect(result.stderr).toContain('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it('inspect shows the document, and never calls it valid', async () => {
    const { code, stdout } = await cli(['inspect', path(first.file)])
    const text = stdout.toString('utf8')
    expect(code).toBe(0)
    expect(text).toContain(first.moduleId)
    expect(text).toMatch(/PCR0 +[0-9a-f]{96}/)
    expect(text).toContain('CN=aws.nitro-enclaves')
    expect(text).not.toMatch(/valid/i)
  })
})

describe('nitro-enclave verify, on what is no document', () => {
  it.each([
    ['nothing', '', 'ERR_DOCUMENT_SIZE'],
    ['text', 'hello, world', 'ERR_CBOR_TRAILING_BYTES'],
    ['zeros', '00'.repeat(100), 'ERR_CBOR_TRAILING_BYTES'],
    ['too much', '84'.repeat(20_000), 'ERR_DOCUMENT_SIZE'],
  ])('ends with 2 on %s', async (_, input, code) => {
    const result = await cli(['verify', '-', '--json'], { input })
    expect(result.code).toBe(2)
    expect(json<Verdict>(result)).toMatchObject({ ok: false, code, moduleId: null, pcrs: null })
  })

  it.each([
    ['a file that is not there', ['/nonexistent']],
    ['a directory', ['/']],
    ['no file', []],
    ['a time without a zone', ['-', '--at', '2026-01-01T00:00:00']],
    ['a day that is none', ['-', '--at', '2026-02-30']],
    ['an age that is no number', ['-', '--max-age', 'old']],
    ['a nonce of half a byte', ['-', '--nonce', '123']],
    ['a root that is none', ['-', '--root', 'package.json']],
    ['a role that is none', ['-', '--role-arn', 'parent']],
    ['a policy that is not there', ['-', '--policy', '/nonexistent']],
    [
      'an enclave’s role for a NitroTPM',
      ['-', '--nitro-tpm', '--role-arn', 'arn:aws:iam::123456789012:role/x'],
    ],
    ['a policy to print as JSON', ['-', '--print-policy', '--json']],
  ])('ends with 1 on %s', async (_, args) => {
    const { code, stderr } = await cli(['verify', ...args])
    expect(code).toBe(1)
    expect(stderr).not.toBe('')
  })

  it('says in its help how to begin', async () => {
    const text = (await cli(['verify', '--help'])).stdout.toString('utf8')
    expect(text).toContain('nitro-enclave eif verifier-policy app.eif > policy.json')
    expect(text).toContain('--policy policy.json --nonce')
  })

  it('says what its exit codes mean', async () => {
    const { code, stdout } = await cli(['verify', '--help'])
    expect(code).toBe(0)
    expect(stdout.toString('utf8')).toMatch(/Exit codes:[\s\S]*3 +genuine, but refused by policy/)
  })
})
