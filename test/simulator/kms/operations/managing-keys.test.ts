import { describe, expect, it } from 'vitest'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { ACCOUNT, base64, call, constraint, context, NOW, newKey, principal, refused } from './support.js'

const only = (Action: string) =>
  principal(parsePolicy({ Statement: { Effect: 'Allow', Action, Resource: '*' } }))
const policyFor = (AWS: string) =>
  JSON.stringify({ Statement: { Effect: 'Allow', Principal: { AWS }, Action: 'kms:*', Resource: '*' } })
const ROOT = `arn:aws:iam::${ACCOUNT}:root`

describe('DescribeKey', () => {
  it('tells what CreateKey told, and what changed', async () => {
    const ctx = context()
    const metadata = await newKey(ctx, { Description: 'one' })
    const { KeyId } = metadata
    expect(await call('DescribeKey', { KeyId }, ctx)).toEqual({ KeyMetadata: metadata })
    await call('DisableKey', { KeyId }, ctx)
    expect(await call('DescribeKey', { KeyId }, ctx)).toEqual({
      KeyMetadata: { ...metadata, Enabled: false, KeyState: 'Disabled' },
    })
  })

  it('needs kms:DescribeKey', async () => {
    const ctx = context()
    const { KeyId } = await newKey(ctx)
    await expect(call('DescribeKey', { KeyId }, { ...ctx, principal: only('kms:Decrypt') })).rejects.toEqual(
      refused('AccessDeniedException', 'kms:DescribeKey'),
    )
  })
})

describe('EnableKey and DisableKey', () => {
  it('switch what a key can do', async () => {
    const ctx = context()
    const { KeyId, Arn } = await newKey(ctx)
    const encrypt = () => call('Encrypt', { KeyId, Plaintext: 'AAAA' }, ctx)
    await encrypt()
    expect(await call('DisableKey', { KeyId }, ctx)).toEqual({})
    await expect(encrypt()).rejects.toEqual(refused('DisabledException', `${Arn} is disabled.`))
    expect(await call('EnableKey', { KeyId: Arn }, ctx)).toEqual({})
    await encrypt()
  })

  it.each(['EnableKey', 'DisableKey'])(
    '%s takes no alias, and needs its own permission',
    async (operation) => {
      const ctx = context()
      const { KeyId } = await newKey(ctx)
      await call('CreateAlias', { AliasName: 'alias/one', TargetKeyId: KeyId }, ctx)
      await expect(call(operation, { KeyId: 'alias/one' }, ctx)).rejects.toEqual(refused('NotFoundException'))
      const alias = `arn:aws:kms:us-east-1:${ACCOUNT}:alias/one`
      await expect(call(operation, { KeyId: alias }, ctx)).rejects.toEqual(refused('InvalidArnException'))
      await expect(
        call(operation, { KeyId }, { ...ctx, principal: only('kms:DescribeKey') }),
      ).rejects.toEqual(refused('AccessDeniedException', `kms:${operation}`))
    },
  )
})

describe('GetPublicKey', () => {
  it('refuses a symmetric key, and a disabled one', async () => {
    const ctx = context()
    const symmetric = await newKey(ctx)
    await expect(call('GetPublicKey', { KeyId: symmetric.KeyId }, ctx)).rejects.toEqual(
      refused('UnsupportedOperationException', 'symmetric'),
    )
    const { KeyId } = await newKey(ctx, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
    expect(await call('GetPublicKey', { KeyId }, ctx)).toMatchObject({
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'KEY_AGREEMENT',
      KeyAgreementAlgorithms: ['ECDH'],
    })
    await call('DisableKey', { KeyId }, ctx)
    await expect(call('GetPublicKey', { KeyId }, ctx)).rejects.toEqual(refused('DisabledException'))
  })
})

describe('PutKeyPolicy and GetKeyPolicy', () => {
  it('replace and give the policy, which counts from then on', async () => {
    const ctx = context()
    const { KeyId } = await newKey(ctx)
    const Policy = policyFor(ROOT)
    expect(await call('PutKeyPolicy', { KeyId, PolicyName: 'default', Policy }, ctx)).toEqual({})
    expect(await call('GetKeyPolicy', { KeyId }, ctx)).toEqual({ Policy, PolicyName: 'default' })
    const other = policyFor(`arn:aws:iam::${ACCOUNT}:role/other`)
    await call('PutKeyPolicy', { KeyId, Policy: other, BypassPolicyLockoutSafetyCheck: true }, ctx)
    await expect(call('GetKeyPolicy', { KeyId }, ctx)).rejects.toEqual(refused('AccessDeniedException'))
  })

  it('leave the policy as it is when the new one is refused', async () => {
    const ctx = context()
    const { KeyId } = await newKey(ctx)
    const before = await call('GetKeyPolicy', { KeyId }, ctx)
    const put = (input: object) => call('PutKeyPolicy', { KeyId, ...input }, ctx)
    await expect(put({ Policy: policyFor(`arn:aws:iam::${ACCOUNT}:role/other`) })).rejects.toEqual(
      refused('MalformedPolicyDocumentException', 'will not allow you to update'),
    )
    await expect(put({ Policy: '{}' })).rejects.toEqual(refused('MalformedPolicyDocumentException'))
    await expect(put({})).rejects.toEqual(
      refused('ValidationException', constraint('null ', 'policy', 'not be null')),
    )
    await expect(put({ Policy: policyFor(ROOT), PolicyName: 'mine' })).rejects.toEqual(
      refused('UnsupportedOperationException'),
    )
    await expect(put({ Policy: 'привет' })).rejects.toEqual(
      refused('ValidationException', 'satisfy regular expression pattern'),
    )
    expect(await call('GetKeyPolicy', { KeyId }, ctx)).toEqual(before)
    await expect(call('GetKeyPolicy', { KeyId, PolicyName: 'mine' }, ctx)).rejects.toEqual(
      refused('NotFoundException', 'has no policy mine'),
    )
  })
})

describe('CreateAlias', () => {
  it('gives a key a name that operations take', async () => {
    const ctx = context()
    const { KeyId, Arn } = await newKey(ctx)
    expect(await call('CreateAlias', { AliasName: 'alias/a/b_c-1', TargetKeyId: Arn }, ctx)).toEqual({})
    const answer = await call('Encrypt', { KeyId: 'alias/a/b_c-1', Plaintext: 'AAAA' }, ctx)
    expect(answer.KeyId).toBe(Arn)
    expect(await call('ListAliases', { KeyId }, ctx)).toMatchObject({
      Aliases: [{ AliasName: 'alias/a/b_c-1' }],
    })
  })

  it.each([
    ['no prefix', 'name', 'InvalidAliasNameException'],
    ['nothing after the prefix', 'alias/', 'InvalidAliasNameException'],
    ["AWS's prefix", 'alias/aws/mine', 'InvalidAliasNameException'],
    ['a colon', 'alias/a:b', 'InvalidAliasNameException'],
    ['a space', 'alias/a b', 'ValidationException'],
    ['257 characters', `alias/${'x'.repeat(251)}`, 'ValidationException'],
  ])('refuses a name with %s', async (_, AliasName, error) => {
    const ctx = context()
    const { KeyId } = await newKey(ctx)
    await expect(call('CreateAlias', { AliasName, TargetKeyId: KeyId }, ctx)).rejects.toEqual(refused(error))
    expect(ctx.account.aliases.size).toBe(0)
  })

  it('refuses a name that there is, an alias for a key, and a key that is not there', async () => {
    const ctx = context()
    const { KeyId } = await newKey(ctx)
    const create = (input: object) =>
      call('CreateAlias', { AliasName: 'alias/one', TargetKeyId: KeyId, ...input }, ctx)
    await create({})
    await expect(create({})).rejects.toEqual(
      refused(
        'AlreadyExistsException',
        `An alias with the name arn:aws:kms:us-east-1:${ACCOUNT}:alias/one already exists`,
      ),
    )
    for (const TargetKeyId of ['alias/one', `arn:aws:kms:us-east-1:${ACCOUNT}:alias/one`]) {
      await expect(create({ AliasName: 'alias/two', TargetKeyId })).rejects.toEqual(
        refused('ValidationException', 'Aliases must refer to keys. Not aliases'),
      )
    }
    const TargetKeyId = KeyId.replace(/^.{8}/, '00000000')
    await expect(create({ AliasName: 'alias/two', TargetKeyId })).rejects.toEqual(
      refused('NotFoundException'),
    )
  })

  it('needs permission on the alias, too', async () => {
    const ctx = context()
    const { KeyId, Arn } = await newKey(ctx)
    const policy = parsePolicy({ Statement: { Effect: 'Allow', Action: 'kms:CreateAlias', Resource: Arn } })
    const input = { AliasName: 'alias/one', TargetKeyId: KeyId }
    await expect(call('CreateAlias', input, { ...ctx, principal: principal(policy) })).rejects.toEqual(
      refused('AccessDeniedException', ':alias/one'),
    )
  })
})

describe('lists', () => {
  it('are empty at first', async () => {
    expect(await call('ListKeys', {}, context())).toEqual({ Keys: [], Truncated: false })
    expect(await call('ListAliases', {}, context())).toEqual({ Aliases: [], Truncated: false })
  })

  it('come in pages that together are the whole', async () => {
    const ctx = context()
    const created = []
    for (let n = 0; n < 7; n++) {
      const { KeyId, Arn } = await newKey(ctx)
      created.push({ KeyId, KeyArn: Arn })
      await call('CreateAlias', { AliasName: `alias/${n}`, TargetKeyId: KeyId }, ctx)
    }
    const sorted = created.toSorted((a, b) => (a.KeyId < b.KeyId ? -1 : 1))
    for (const Limit of [1, 3, 6, 7, 8]) {
      expect(await pages('ListKeys', 'Keys', { Limit }, ctx)).toEqual(sorted)
      const aliases = await pages('ListAliases', 'Aliases', { Limit }, ctx)
      expect(aliases.map(({ AliasName }) => AliasName)).toEqual([...'0123456'].map((n) => `alias/${n}`))
    }
  })

  async function pages(operation: string, member: string, input: object, ctx: ReturnType<typeof context>) {
    const found: Record<string, unknown>[] = []
    let Marker: unknown
    do {
      const answer = await call(operation, { ...input, Marker }, ctx)
      found.push(...(answer[member] as Record<string, unknown>[]))
      expect(answer.Truncated).toBe(answer.NextMarker !== undefined)
      Marker = answer.NextMarker
    } while (Marker !== undefined && found.length < 10)
    return found
  }

  it('show an alias as it is', async () => {
    const ctx = context()
    const [one, two] = [await newKey(ctx), await newKey(ctx)]
    for (const [AliasName, key] of [
      ['alias/one', one],
      ['alias/two', two],
    ] as const) {
      await call('CreateAlias', { AliasName, TargetKeyId: key.KeyId }, ctx)
    }
    expect(await call('ListAliases', { KeyId: two.Arn }, ctx)).toEqual({
      Aliases: [
        {
          AliasName: 'alias/two',
          AliasArn: `arn:aws:kms:us-east-1:${ACCOUNT}:alias/two`,
          TargetKeyId: two.KeyId,
          CreationDate: NOW.getTime() / 1000,
          LastUpdatedDate: NOW.getTime() / 1000,
        },
      ],
      Truncated: false,
    })
  })

  it.each([
    ['ListKeys', 1001, 'InvalidMarkerException'],
    ['ListAliases', 101, 'InvalidMarkerException'],
  ])('%s has bounds, takes its own markers, and needs permission', async (operation, large, error) => {
    for (const Limit of [0, large]) {
      await expect(call(operation, { Limit }, context())).rejects.toEqual(
        refused('ValidationException', "'limit'"),
      )
    }
    await expect(call(operation, { Marker: 'no marker' }, context())).rejects.toEqual(refused(error))
    await expect(call(operation, {}, { ...context(), principal: only('kms:Decrypt') })).rejects.toEqual(
      refused('AccessDeniedException', `kms:${operation}`),
    )
  })
})

it('a response shows no key material', async () => {
  const ctx = context()
  const metadata = await newKey(ctx, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
  const { material } = ctx.account.keys.get(metadata.KeyId) ?? {}
  const secret = base64(material?.export({ type: 'pkcs8', format: 'der' }) ?? '')
  expect(secret.length).toBeGreaterThan(100)
  expect(JSON.stringify([ctx.account, [...ctx.account.keys.values()], metadata])).not.toContain(secret)
})
