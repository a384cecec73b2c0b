import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OperationError, UsageError } from '../../../shared/errors.js'
import { createAccount, openAccount } from '../../../simulator/kms/account.js'
import { temporaryFolder } from '../../support/cli.js'
import { call, context, newKey, refused } from './operations/support.js'

interface KeptAccount {
  readonly version: number
  readonly keys: object[]
  readonly aliases: object[]
}

const region = 'us-east-1'
const inFolder = () => join(temporaryFolder(), 'account.json')
const reopened = async (file: string) => context({ account: await openAccount({ region, file }) })

describe('an account in a file', () => {
  it('is there again after a restart: keys, policies, states, aliases', async () => {
    const file = inFolder()
    const ctx = await reopened(file)
    const symmetric = await newKey(ctx, { Description: 'one' })
    const rsa = await newKey(ctx, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
    const curve = await newKey(ctx, { KeySpec: 'ECC_NIST_P521', KeyUsage: 'KEY_AGREEMENT' })
    await call('CreateAlias', { AliasName: 'alias/one', TargetKeyId: symmetric.KeyId }, ctx)
    const { CiphertextBlob } = await call('Encrypt', { KeyId: symmetric.KeyId, Plaintext: 'AAAA' }, ctx)
    await call('DisableKey', { KeyId: rsa.KeyId }, ctx)
    const questions: [string, object][] = [
      ['ListKeys', {}],
      ['ListAliases', {}],
      ...[symmetric, rsa, curve].flatMap(({ KeyId }): [string, object][] => [
        ['DescribeKey', { KeyId }],
        ['GetKeyPolicy', { KeyId }],
      ]),
      ['GetPublicKey', { KeyId: curve.KeyId }],
      ['DescribeKey', { KeyId: 'alias/one' }],
      ['Decrypt', { CiphertextBlob }],
    ]
    const after = await reopened(file)
    for (const [operation, input] of questions) {
      expect(await call(operation, input, after)).toEqual(await call(operation, input, ctx))
    }
    await expect(call('Encrypt', { KeyId: rsa.KeyId, Plaintext: 'AAAA' }, after)).rejects.toEqual(
      refused('DisabledException'),
    )
    await call('EnableKey', { KeyId: rsa.KeyId }, after)
    expect(await call('GetPublicKey', { KeyId: rsa.KeyId }, after)).toMatchObject({ KeySpec: 'RSA_2048' })
  })

  it('is written when it is made, for its owner only', async () => {
    const file = inFolder()
    await openAccount({ region: 'eu-west-1', accountId: '210987654321', file })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const account = await openAccount({ region: 'eu-west-1', file })
    expect(account.accountId).toBe('210987654321')
  })

  it('loses none of many changes at once', async () => {
    const file = inFolder()
    const ctx = await reopened(file)
    const made = await Promise.all(Array.from({ length: 20 }, () => newKey(ctx)))
    await Promise.all(
      made.map(({ KeyId }, n) => call('CreateAlias', { AliasName: `alias/${n}`, TargetKeyId: KeyId }, ctx)),
    )
    const { account } = await reopened(file)
    expect([...account.keys.keys()].sort()).toEqual(made.map(({ KeyId }) => KeyId).sort())
    expect(account.aliases.size).toBe(20)
  })

  it('gives a name once, however many want it', async () => {
    const ctx = await reopened(inFolder())
    const { KeyId } = await newKey(ctx)
    const create = () => call('CreateAlias', { AliasName: 'alias/one', TargetKeyId: KeyId }, ctx)
    const results = await Promise.allSettled([create(), create(), create()])
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1)
  })

  it('has no change that could not be written', async () => {
    const file = inFolder()
    const ctx = await reopened(file)
    rmSync(file)
    mkdirSync(file)
    await expect(call('CreateKey', {}, ctx)).rejects.toThrow(OperationError)
    expect(ctx.account.keys.size).toBe(0)
    rmSync(file, { recursive: true })
    await newKey(ctx)
    expect((await reopened(file)).account.keys.size).toBe(1)
  })
})

describe('a file that is refused', () => {
  async function kept(change: (state: KeptAccount) => unknown) {
    const file = inFolder()
    const ctx = await reopened(file)
    const { KeyId } = await newKey(ctx)
    await newKey(ctx, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
    await call('CreateAlias', { AliasName: 'alias/one', TargetKeyId: KeyId }, ctx)
    const state = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify(change(state) ?? state))
    return file
  }
  type Damage = [string, (state: KeptAccount) => unknown, string]
  const inKey =
    (at: number, change: object) =>
    ({ keys }: KeptAccount): void => {
      Object.assign(keys[at] ?? {}, change)
    }
  const damages: Damage[] = [
    ['has another version', (state) => ({ ...state, version: 2 }), 'has version 2'],
    ['has none', ({ version: _, ...state }) => state, 'has no version'],
    ['is a list', () => [], 'has no version'],
    ['is a text', () => 'version', 'has no version'],
    ['has no keys', ({ keys: _, ...state }) => state, 'damaged at keys'],
    ['has a member that nobody knows', inKey(0, { extra: 1 }), 'damaged at keys.0'],
    ['has a short secret', inKey(0, { material: 'AAAA' }), 'damaged at keys.0.material'],
    ['has no private key', inKey(1, { material: 'AAAA' }), 'damaged at keys.1.material'],
    ['has a key of another curve', inKey(1, { spec: 'ECC_NIST_P384' }), 'damaged at keys.1.material'],
    ['has lost an ID of material', inKey(0, { materialId: undefined }), 'damaged at keys.0.materialId'],
    ['has no policy', inKey(0, { policy: '{}' }), 'damaged at keys.0.policy'],
    ['has a key twice', ({ keys }) => void keys.push(...keys), 'has a key twice'],
    ['has an alias twice', ({ aliases }) => void aliases.push(...aliases), 'has an alias twice'],
    ['has lost a key', ({ keys }) => void keys.shift(), 'does not have the key of alias/one'],
  ]
  it.each(damages)('%s', async (_, change, message) => {
    const file = await kept(change)
    const before = readFileSync(file)
    const error = await openAccount({ region, file }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining(file) })
    expect(String(error)).toContain(message)
    expect(readFileSync(file)).toEqual(before)
  })

  it('is cut at any place', async () => {
    const file = await kept(() => undefined)
    const whole = readFileSync(file)
    for (let length = 0; length < whole.length; length += 97) {
      writeFileSync(file, whole.subarray(0, length))
      await expect(openAccount({ region, file })).rejects.toThrow(`${file} is not JSON`)
    }
  })

  it('is of another region or account', async () => {
    const file = await kept(() => undefined)
    await expect(openAccount({ region: 'eu-west-1', file })).rejects.toThrow(
      /region us-east-1, not eu-west-1/,
    )
    await expect(openAccount({ region, accountId: '210987654321', file })).rejects.toThrow(
      /accountId 123456789012, not 210987654321/,
    )
  })
})

describe('a process that is killed in the middle', () => {
  const child = fileURLToPath(new URL('mutating-child.ts', import.meta.url))

  it('has lost nothing that it answered', async () => {
    const file = inFolder()
    const told = { key: new Set<string>(), alias: new Set<string>(), disabled: new Set<string>() }
    for (const [round, moment] of [5, 17, 40].entries()) {
      const writer = fork(child, [file, String(round)], { execArgv: ['--import', 'tsx'] })
      onTestFinished(() => void writer.kill('SIGKILL'))
      let answers = 0
      writer.on('message', (message: Partial<Record<keyof typeof told, string>>) => {
        for (const [kind, name] of Object.entries(message)) told[kind as keyof typeof told].add(name)
        if (++answers === moment) writer.kill('SIGKILL')
      })
      await once(writer, 'exit')
      const { keys, aliases } = await openAccount({ region, file })
      expect([...told.key].filter((id) => !keys.has(id))).toEqual([])
      expect([...told.alias].filter((name) => !aliases.has(name))).toEqual([])
      expect([...told.disabled].filter((id) => keys.get(id)?.enabled !== false)).toEqual([])
      // Each of the three workers has at most one change that it had no time to tell of.
      expect(keys.size - told.key.size).toBeLessThanOrEqual(3 * (round + 1))
    }
    const others = readdirSync(join(file, '..')).filter((name) => name !== 'account.json')
    expect(others.every((name) => name.endsWith('.tmp'))).toBe(true)
  })
})

it('shows no key material to whoever looks at an account', async () => {
  const ctx = context()
  const { KeyId } = await newKey(ctx)
  const { material } = ctx.account.keys.get(KeyId) ?? {}
  const secret = material?.export() ?? Buffer.alloc(0)
  const shown = inspect(ctx.account, { depth: Infinity, showHidden: true, getters: true })
  expect(shown).toContain(KeyId)
  for (const encoding of ['hex', 'base64'] as const) expect(shown).not.toContain(secret.toString(encoding))
})

it.each([
  [{ region: 'nowhere' }, 'region'],
  [{ region, accountId: '12' }, 'accountId must be 12 digits'],
])('refuses %j', (options, message) => {
  expect(() => createAccount(options)).toThrow(
    expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining(message) }),
  )
})
