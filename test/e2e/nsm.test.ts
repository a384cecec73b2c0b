import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { parseAttestation } from '../../shared/attestation/document.js'
import { type CliResult, cli, json } from '../support/cli.js'
import { nsmSimulator } from '../support/nsm-simulator.js'

// Each test runs several processes, one after the other.
vi.setConfig({ testTimeout: 120_000 })

const text = ({ stdout }: CliResult) => stdout.toString('utf8')

describe('nitro-enclave nsm describe', () => {
  it('tells a person and a program who the module is', async () => {
    const { nsm } = nsmSimulator()
    const told = await nsm(['describe'])
    expect([told.code, told.stderr]).toEqual([0, ''])
    const description = json<{ moduleId: string }>(await nsm(['describe', '--json']))
    expect(description).toEqual({
      versionMajor: 1,
      versionMinor: 0,
      versionPatch: 0,
      moduleId: expect.stringMatching(/^i-simulated[0-9a-f]{8}-enc[0-9a-f]{16}$/),
      maxPcrs: 32,
      lockedPcrs: Array.from({ length: 16 }, (_, index) => index),
      digest: 'SHA384',
    })
    expect(text(told)).toContain(description.moduleId)
    expect(text(told)).toMatch(/locked_pcrs +0 1 2 .* 15\n/)
  })

  it('takes the folder before and after its name', async () => {
    const { nsm, state } = nsmSimulator()
    expect(text(await cli(['nsm', 'describe', '--simulator', state]))).toBe(text(await nsm(['describe'])))
  })

  it('finds one module, however many processes come first at once', async () => {
    const { nsm, state } = nsmSimulator()
    const all = await Promise.all([1, 2, 3].map(() => nsm(['describe', '--json'])))
    expect(all.map(({ code, stderr }) => [code, stderr])).toEqual(all.map(() => [0, '']))
    expect(new Set(all.map(text)).size).toBe(1)
    expect(readdirSync(state).sort()).toEqual(['attestation-root.pem', 'authority.json', 'nsm.json'])
  })
})

describe('nitro-enclave nsm random', () => {
  it('gives bytes, hex or base64', async () => {
    const { nsm } = nsmSimulator()
    expect((await nsm(['random', '1000'])).stdout).toHaveLength(1_000)
    expect(text(await nsm(['random', '300', '--hex']))).toMatch(/^[0-9a-f]{600}\n$/)
    expect(text(await nsm(['random', '30', '--base64']))).toMatch(/^[A-Za-z0-9+/]{40}\n$/)
    expect((await nsm(['random', '0'])).stdout).toHaveLength(0)
  })

  it.each([['65537'], ['many'], ['8', '--hex', '--base64']])(
    '%j and what follows end with 1',
    async (...args) => {
      const { code, stdout } = await nsmSimulator().nsm(['random', ...args])
      expect([code, stdout.length]).toEqual([1, 0])
    },
  )
})

describe('nitro-enclave nsm attest', () => {
  it('makes documents that verify, over the registers that other processes locked', async () => {
    const { nsm, verify } = nsmSimulator()
    await nsm(['extend', '16', '--data-hex', '01'])
    await nsm(['lock', '16'])
    const { code, stdout, stderr } = await nsm(['attest', '--nonce', '00ff', '--user-data', 'c0ffee'])
    expect([code, stderr]).toEqual([0, ''])
    const value = createHash('sha384').update(new Uint8Array(48)).update(Uint8Array.of(1)).digest('hex')
    const flags = ['--nonce', '00ff', '--user-data', 'c0ffee', '--pcr', `16=${value}`]
    expect(await verify(stdout, flags)).toMatchObject({ code: 0 })
    expect((await verify(stdout, ['--nonce', '00fe'])).code).toBe(3)
    expect((await cli(['verify', '-'], { input: stdout })).code).toBe(2)
  })

  it('writes bytes, hex and base64, to standard output and to a file', async () => {
    const { nsm, folder, genuine } = nsmSimulator()
    const encodings = [
      ['latin1', []],
      ['hex', ['--hex']],
      ['base64', ['--base64']],
    ] as const
    for (const [encoding, flags] of encodings) {
      const printed = (await nsm(['attest', ...flags])).stdout.toString('latin1')
      expect(await genuine(Buffer.from(printed, encoding))).toBe(true)
    }
    const output = join(folder, 'document')
    const written = await nsm(['attest', '--output', output])
    expect([written.code, written.stdout.length]).toEqual([0, 0])
    expect(await genuine(readFileSync(output))).toBe(true)
  })

  it('takes user data from a file, as it is', async () => {
    const { nsm, file } = nsmSimulator()
    const path = file('data', 'abcd')
    const { stdout } = await nsm(['attest', '--user-data', path])
    expect(Buffer.from(parseAttestation(stdout).document.userData ?? []).toString()).toBe('abcd')
  })

  it('takes what is not given for absent, and the empty for empty', async () => {
    const { nsm } = nsmSimulator()
    const { document } = parseAttestation((await nsm(['attest', '--nonce', ''])).stdout)
    expect(document.nonce).toEqual(new Uint8Array())
    expect(document).not.toHaveProperty('userData')
    expect(document).not.toHaveProperty('publicKey')
  })

  it('takes a public key in PEM and DER, and the public half of a private one', async () => {
    const { nsm, file } = nsmSimulator()
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const spki = publicKey.export({ format: 'der', type: 'spki' })
    const files = [
      file('spki.pem', publicKey.export({ format: 'pem', type: 'spki' })),
      file('pkcs1.pem', publicKey.export({ format: 'pem', type: 'pkcs1' })),
      file('spki.der', spki),
      file('private.pem', privateKey.export({ format: 'pem', type: 'pkcs8' })),
    ]
    for (const path of files) {
      const { stdout } = await nsm(['attest', '--public-key', path])
      expect(parseAttestation(stdout).document.publicKey).toEqual(new Uint8Array(spki))
    }
  })

  it.each<[string, (folder: string) => string[], string]>([
    ['a public key that is none', () => ['--public-key', 'package.json'], 'no public key in PEM or DER'],
    ['a public key that is not there', () => ['--public-key', '/nonexistent'], 'there is no such file'],
    ['user data that is neither hex nor a file', () => ['--user-data', '123'], 'neither hex digits'],
    ['user data of 1,025 bytes', () => ['--user-data', '00'.repeat(1_025)], 'userData: 1025 bytes'],
    ['a nonce that is no hex', () => ['--nonce', 'xy'], '--nonce'],
    ['two encodings', () => ['--hex', '--base64'], 'not both'],
    ['a folder for a file', (folder) => ['--output', folder], 'it is a directory'],
  ])('ends with 1 on %s, and prints nothing', async (_, args, words) => {
    const { nsm, folder } = nsmSimulator()
    const { code, stdout, stderr } = await nsm(['attest', ...args(folder)])
    expect([code, stdout.length]).toEqual([1, 0])
    expect(stderr).toContain(words)
  })
})

describe('nitro-enclave nsm, where it cannot work', () => {
  it.skipIf(readdirSync('/dev').includes('nsm'))('says that there is no module, and what to do', async () => {
    const { code, stdout, stderr } = await cli(['nsm', 'describe', '--json'])
    expect(code).toBe(4)
    expect(stderr).toContain('no Nitro Secure Module at /dev/nsm')
    expect(stderr).toContain('--simulator DIR')
    expect(JSON.parse(stdout.toString('utf8'))).toMatchObject({ error: { code: 'ERR_NSM_UNAVAILABLE' } })
  })

  it.each(['authority.json', 'nsm.json'])('names a damaged %s, and leaves it alone', async (name) => {
    const { nsm, state } = nsmSimulator()
    mkdirSync(state)
    writeFileSync(join(state, name), '{"version":')
    const { code, stderr } = await nsm(['describe'])
    expect([code, stderr]).toEqual([1, expect.stringContaining(join(state, name))])
    expect(readFileSync(join(state, name), 'utf8')).toBe('{"version":')
  })

  it('names a folder that is none', async () => {
    const { code, stderr } = await cli(['nsm', '--simulator', 'package.json', 'describe'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('package.json')])
  })
})
