/** `nitro-enclave verify` with a policy, on documents of simulated modules and of a test authority. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { eifBytes, LEAST, part } from '../image/eif-bytes.js'
import { PCRS, signedBy } from '../support/attestations.js'
import { buildChain, type Chain, NOW } from '../support/certificates.js'
import { type CliResult, cli, json, temporaryFolder } from '../support/cli.js'

interface Verdict {
  readonly ok: boolean
  readonly code?: string
  readonly moduleId: string | null
  readonly debugMode: boolean | null
  readonly checks: readonly { readonly name: string; readonly verdict: string; readonly hint?: string }[]
}

const hex = (byte: number) => Buffer.alloc(48, byte).toString('hex')
const text = ({ stdout }: CliResult) => stdout.toString('utf8')

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

/** A document and a policy.json beside it, and the command that verifies one by the other. */
const situation = (policy: object, fields = {}) => {
  const folder = temporaryFolder()
  const file = (name: string, content: Uint8Array | string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const document = file('document.bin', signedBy(chain, { nonce: Uint8Array.of(0, 255), ...fields }))
  file('root.der', chain.root)
  const path = file('policy.json', JSON.stringify({ roots: 'root.der', ...policy }))
  const verify = (...flags: readonly string[]) =>
    cli(['verify', document, '--at', NOW.toISOString(), '--policy', path, ...flags])
  return { file, verify }
}

describe('nitro-enclave verify --policy', () => {
  it('accepts what meets it, with every check', async () => {
    const { verify } = situation({ pcrs: { 0: [hex(9), hex(1)], 5: hex(6) }, nonce: '00ff' })
    const result = await verify()
    expect([result.code, result.stderr]).toEqual([0, ''])
    expect(text(result)).toMatch(/^genuine, and as required: i-0123456789abcdef0-enc0123456789abcdef, /)
    for (const name of [
      'form',
      'certificate path',
      'signature',
      'debug mode',
      'PCR0',
      'PCR5',
      'nonce',
      'age',
    ])
      expect(text(result)).toMatch(new RegExp(`^  passed  ${name} `, 'm'))
  })

  it('refuses with 3 what does not, and says of each check how it went', async () => {
    const { verify } = situation({ pcrs: { 0: hex(9), 1: hex(2) }, nonce: '00fe' })
    const result = await verify()
    expect(result.code).toBe(3)
    expect(text(result)).toMatch(/^genuine, and refused: i-0123456789abcdef0/)
    expect(text(result)).toMatch(
      /FAILED {2}PCR0 +expected: (09){48}\n +found: (01){48}\n +hint: another image/,
    )
    expect(text(result)).toMatch(/passed {2}PCR1/)
    expect(text(result)).toMatch(/FAILED {2}nonce +expected: 2 bytes/)
    expect(result.stderr).toMatch(/\(refused, too: nonce\) \(ERR_POLICY_PCR\)/)
  })

  it('says of a forgery which checks were not reached', async () => {
    const { verify } = situation({ roots: undefined, pcrs: { 0: hex(1) } })
    const result = await verify()
    expect(result.code).toBe(2)
    expect(text(result)).toMatch(/^not genuine\n/)
    expect(text(result)).toMatch(/FAILED +certificate path/)
    expect(text(result)).toMatch(/not reached +PCR0/)
    expect(text(result)).not.toContain('i-0123456789abcdef0')
  })

  it('gives the checks as JSON, accepted and refused', async () => {
    const { verify } = situation({ pcrs: { 0: hex(1) } })
    const accepted = json<Verdict>(await verify('--json'))
    expect(accepted).toMatchObject({ ok: true, debugMode: false })
    expect(new Set(accepted.checks.map(({ verdict }) => verdict))).toEqual(new Set(['passed']))
    const refused = await verify('--json', '--pcr', `0=${hex(9)}`)
    expect([refused.code, json<Verdict>(refused)]).toMatchObject([3, { ok: false, code: 'ERR_POLICY_PCR' }])
    expect(json<Verdict>(refused).checks).toContainEqual(
      expect.objectContaining({
        name: 'PCR0',
        verdict: 'failed',
        expected: hex(9),
        actual: hex(1),
        code: 'ERR_POLICY_PCR',
        hint: 'another image, or another build of it',
      }),
    )
  })

  it('gives as JSON the fields of a genuine document alone', async () => {
    const { verify } = situation({ pcrs: { 0: hex(9) }, nonce: '00fe' })
    const fields = {
      moduleId: expect.any(String),
      nonce: '00ff',
      pcrs: expect.objectContaining({ 0: hex(1) }),
    }
    expect(json<Verdict>(await verify('--json'))).toMatchObject({ code: 'ERR_POLICY_PCR', ...fields })
    const forged = situation({ roots: undefined, nonce: '00fe' })
    const result = await forged.verify('--json')
    const nothing = { moduleId: null, timestamp: null, digest: null, pcrs: null, publicKey: null }
    expect([result.code, json<Verdict>(result)]).toMatchObject([
      2,
      { ok: false, code: 'ERR_CERTIFICATE_UNTRUSTED_ROOT', ...nothing, nonce: null, chain: null },
    ])
    expect(text(result)).not.toContain('i-0123456789abcdef0')
  })

  it('has its members replaced by flags beside it', async () => {
    const { verify } = situation({ pcrs: { 0: hex(9) }, nonce: '0000' })
    expect((await verify('--pcr', `0=${hex(8)}`, '--pcr', `0=${hex(1)}`, '--nonce', '00ff')).code).toBe(0)
  })

  it('ends with 1 for a policy with mistakes, each with its place', async () => {
    const { verify } = situation({ pcr: {}, nonce: 'x' })
    const { code, stdout, stderr } = await verify()
    expect([code, stdout.length]).toEqual([1, 0])
    expect(stderr).toMatch(/policy\.json: pcr: unknown key: did you mean pcrs\?/)
    expect(stderr).toMatch(/policy\.json: nonce: hex digits/)
    expect(stderr).toContain('(ERR_USAGE)')
  })

  it('says when nothing was asked that tells one enclave from another', async () => {
    const { verify } = situation({ nonce: '00ff' })
    expect(text(await verify())).toContain('No register was asked for')
  })
})

describe('nitro-enclave verify, of hostile or careless use', () => {
  it.each(['--nonce', '--user-data', '--public-key'])(
    'shows no value of %s that it refuses',
    async (flag) => {
      const { code, stderr } = await situation({}).verify(flag, '5ec2e7a')
      expect([code, stderr.includes('5ec2e7')]).toEqual([1, false])
      expect(stderr).toContain('hex digits, two a byte')
    },
  )

  it('ends with 1 for an empty nonce, and for one that is given twice', async () => {
    const { verify } = situation({})
    expect((await verify('--nonce', '')).code).toBe(1)
    const { code, stderr } = await verify('--nonce', '00ff', '--nonce', '00fe')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/'--nonce <hex>' .*given twice/)])
  })

  it('reads policy and key from pipes that are open already', () => {
    const { file } = situation({})
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = file('key.pem', publicKey.export({ format: 'pem', type: 'spki' }))
    const der = publicKey.export({ format: 'der', type: 'spki' })
    const document = file('d', signedBy(chain, { public_key: der }))
    const root = ['--root', file('r', chain.root), '--at', NOW.toISOString()]
    const policy = `printf '{"pcrs": {"0": "${hex(1)}"}}'`
    const script = `cat '${key}' | { ${policy} | "$@" --policy /dev/fd/0 --public-key /dev/fd/3; } 3<&0`
    const args = [process.execPath, resolve('bin/nitro-enclave'), 'verify', document, ...root]
    const output = execFileSync('sh', ['-c', script, 'sh', ...args]).toString()
    expect(output).toMatch(/passed {2}PCR0 /)
    expect(output).toMatch(/passed {2}public_key /)
  })

  it('lets no name drive the terminal in JSON', async () => {
    const { code, stdout } = await cli(['verify', '/nonexistent\u009b2J\u202e', '--json'])
    expect([code, stdout.toString()]).toEqual([1, expect.stringContaining('/nonexistent\\u009b2J\\u202e')])
  })
})

describe('nitro-enclave verify --nitro-tpm', () => {
  const TPM = { pcrs: undefined, nitrotpm_pcrs: PCRS, module_id: 'i-0-tpm0' }

  it('accepts the document of a NitroTPM, and no enclave’s', async () => {
    const { verify } = situation({ pcrs: { 4: hex(5) } }, TPM)
    const result = await verify('--nitro-tpm', '--json')
    expect([result.code, json<Verdict>(result)]).toMatchObject([
      0,
      { ok: true, moduleId: 'i-0-tpm0', debugMode: null },
    ])
    expect((await situation({}).verify('--nitro-tpm')).stderr).toMatch(
      /ERR_DOCUMENT_ENCLAVE.*\n.*without --nitro-tpm/,
    )
  })

  it('is named where it is missing', async () => {
    const { code, stderr } = await situation({}, TPM).verify()
    expect([code, stderr]).toEqual([2, expect.stringMatching(/ERR_DOCUMENT_NITROTPM.*\n.*--nitro-tpm/)])
  })

  it('inspect shows it, too', async () => {
    const { file } = situation({})
    const document = file('tpm.bin', signedBy(chain, TPM))
    expect(text(await cli(['inspect', document, '--nitro-tpm']))).toContain('i-0-tpm0')
    expect((await cli(['inspect', document])).code).toBe(2)
  })
})

describe('a way to begin', () => {
  it('verify --print-policy pins a genuine document, which then meets it', async () => {
    const { file, verify } = situation({})
    const printed = await verify('--print-policy')
    expect(json<object>(printed)).toEqual({ pcrs: { 0: hex(1), 8: hex(9) } })
    const pinned = file('pinned.json', printed.stdout)
    const root = ['--root', file('r', chain.root), '--at', NOW.toISOString()]
    expect((await cli(['verify', file('d', signedBy(chain)), '--policy', pinned, ...root])).code).toBe(0)
    const other = signedBy(chain, { pcrs: new Map([...PCRS, [0, new Uint8Array(48).fill(7)]]) })
    expect((await cli(['verify', file('o', other), '--policy', pinned, ...root])).code).toBe(3)
  })

  it('verify --print-policy prints none of what is refused', async () => {
    const { verify } = situation({ pcrs: { 0: hex(9) } })
    const result = await verify('--print-policy')
    expect([result.code, text(result).includes('"pcrs"')]).toEqual([3, false])
  })

  it('eif verifier-policy pins images: any of them will do', async () => {
    const { file } = situation({})
    const image = file('one.eif', eifBytes(LEAST))
    const other = file('two.eif', eifBytes([...LEAST, part('ramdisk', 'the second')]))
    const { stdout } = await cli(['eif', 'pcrs', image, '--json'])
    const { PCR0, PCR1 } = (JSON.parse(stdout.toString()) as { Measurements: Record<string, string> })
      .Measurements
    expect(json<object>(await cli(['eif', 'verifier-policy', image, '--pcr', '1']))).toEqual({
      pcrs: { 0: PCR0, 1: PCR1 },
    })
    const both = await cli(['eif', 'verifier-policy', image, other])
    expect(json<{ pcrs: Record<string, string[]> }>(both).pcrs[0]).toEqual([PCR0, expect.any(String)])
  })

  it('eif verifier-policy reads what describe prints, and pins nothing that is not sound', async () => {
    const { file } = situation({})
    const described = await cli(['eif', 'describe', file('one.eif', eifBytes(LEAST)), '--json'])
    const policy = await cli(['eif', 'verifier-policy', file('one.json', described.stdout)])
    expect(Object.keys(json<{ pcrs: object }>(policy).pcrs)).toEqual(['0'])
    const broken = await cli(['eif', 'verifier-policy', file('broken', eifBytes(LEAST, { crc: 1 }))])
    expect([broken.code, broken.stdout.length, broken.stderr]).toEqual([
      2,
      0,
      expect.stringContaining('ERR_EIF_CRC'),
    ])
  })
})
