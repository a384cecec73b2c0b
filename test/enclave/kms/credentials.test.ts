import { describe, expect, it } from 'vitest'
import { identityOf, pushedCredentials } from '../../../enclave/kms/credentials.js'
import { refusal } from '../../support/errors.js'

const identity = (accessKeyId: string, expiration?: Date) => ({
  accessKeyId,
  secretAccessKey: 'secret',
  sessionToken: 'token',
  ...(expiration && { expiration }),
})

describe('pushed credentials', () => {
  it('are missing at first, which is said', async () => {
    const { provider } = pushedCredentials()
    expect(await refusal(provider)).toMatchObject({
      name: 'OperationError',
      code: 'ERR_CREDENTIALS',
      message: expect.stringContaining('the parent has to push'),
    })
  })

  it('are the last ones, and asked for again by the next call', async () => {
    const { provider, push } = pushedCredentials()
    push(identity('one'))
    push(identity('two'))
    const given = await provider()
    expect(given).toMatchObject(identity('two'))
    // The SDK keeps what lives longer than five minutes, and asks again for the rest.
    expect(given.expiration?.getTime()).toBeLessThan(Date.now() + 300_000)
    expect(given.expiration?.getTime()).toBeGreaterThan(Date.now())
  })

  it.each([
    ['nothing', undefined],
    ['half of them', { accessKeyId: 'two' }],
    ['an expiration that is no date', identity('two', new Date(Number.NaN))],
  ])('are not replaced by %s', async (_, pushed) => {
    const { provider, push } = pushedCredentials()
    push(identity('one'))
    expect(await refusal(() => push(pushed as never))).toMatchObject({
      name: 'OperationError',
      code: 'ERR_CREDENTIALS',
      message: expect.stringMatching(/^the parent gave/),
    })
    expect(await provider()).toMatchObject(identity('one'))
  })

  it('are given until they expire, and no longer', async () => {
    let now = 1_000
    const { provider, push } = pushedCredentials(() => now)
    push(identity('one', new Date(2_000)))
    now = 1_999
    expect(await provider()).toMatchObject({ accessKeyId: 'one' })
    now = 2_000
    expect(await refusal(provider)).toMatchObject({
      code: 'ERR_CREDENTIALS',
      message: expect.stringContaining('expired'),
    })
    expect(await refusal(() => push(identity('late', new Date(2_000))))).toMatchObject({
      code: 'ERR_CREDENTIALS',
    })
    push(identity('two', new Date(3_000)))
    expect(await provider()).toMatchObject({ accessKeyId: 'two' })
  })
})

describe('credentials as JSON has them', () => {
  it('have a date', () => {
    const given = { accessKeyId: 'one', secretAccessKey: 'secret', sessionToken: 'token' }
    const expiration = '2026-01-02T03:04:05.000Z'
    expect(identityOf({ ...given, expiration })).toStrictEqual({ ...given, expiration: new Date(expiration) })
  })

  it('have neither token nor date where none is given', () => {
    const given = { accessKeyId: 'one', secretAccessKey: 'secret' }
    expect(identityOf({ ...given, sessionToken: undefined, expiration: undefined })).toStrictEqual(given)
  })
})
