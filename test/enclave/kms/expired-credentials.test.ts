import { KMSClient } from '@aws-sdk/client-kms'
import { type AwsCredentialIdentity, SMITHY_CONTEXT_KEY } from '@smithy/types'
import { describe, expect, it, vi } from 'vitest'
import { type NoRetry, nameOf, type Replace, retryExpired } from '../../../enclave/kms/expired-credentials.js'

const identity = (sessionToken: string): AwsCredentialIdentity => ({
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'secret',
  sessionToken,
})
const expired = () => Object.assign(new Error('expired'), { name: 'ExpiredTokenException' })

type Middleware = (next: (args: object) => Promise<unknown>, context: object) => typeof next

interface Scheme {
  identity: AwsCredentialIdentity
}

/** A call signed by `scheme`, whose attempts fail with `failures`, one after the other. */
function callWith(
  replace: Replace | undefined,
  failures: unknown[],
  { scheme }: { scheme: Scheme | undefined } = { scheme: { identity: identity('1') } },
) {
  const reasons = new WeakMap<object, NoRetry>()
  const added: Middleware[] = []
  const stack = { addRelativeTo: (middleware: Middleware) => added.push(middleware) }
  retryExpired(replace, reasons).applyToStack(stack as never)
  const context = { [SMITHY_CONTEXT_KEY]: { selectedHttpAuthScheme: scheme } }
  const signedWith: (string | undefined)[] = []
  const attempt = async () => {
    signedWith.push(scheme?.identity.sessionToken)
    if (failures.length > 0) throw failures.shift()
    return 'answer'
  }
  const send = async () => added[0]?.(attempt, context)({})
  return { send, reasons, signedWith }
}

describe('a call with credentials that KMS calls expired', () => {
  it('is made again with others', async () => {
    const replace = vi.fn(async () => identity('2'))
    const { send, signedWith } = callWith(replace, [expired()])
    expect(await send()).toBe('answer')
    expect(signedWith).toEqual(['1', '2'])
    expect(replace.mock.calls).toEqual([[identity('1')]])
  })
  it.each([
    ['nobody can be asked for others', 'fixed', undefined, { identity: identity('1') }],
    ['nothing is known of what it was signed with', 'fixed', async () => identity('2'), undefined],
    ['whoever is asked gives the same', 'same', async () => identity('1'), { identity: identity('1') }],
  ])('is not when %s', async (_, reason, replace, scheme) => {
    const error = expired()
    const { send, reasons, signedWith } = callWith(replace, [error], { scheme })
    await expect(send()).rejects.toBe(error)
    expect(reasons.get(error)).toBe(reason)
    expect(error).not.toHaveProperty('cause')
    expect(signedWith).toHaveLength(1)
  })
  it('is not when whoever is asked fails, which is its cause, like that of any error', async () => {
    const error = expired()
    const cause = new Error('no others')
    const { send, reasons, signedWith } = callWith(() => Promise.reject(cause), [error])
    await expect(send()).rejects.toBe(error)
    expect(reasons.get(error)).toBe('failed')
    expect(Object.getOwnPropertyDescriptor(error, 'cause')).toEqual(
      Object.getOwnPropertyDescriptor(new Error('x', { cause }), 'cause'),
    )
    expect(signedWith).toHaveLength(1)
  })
  it('is made again once, also where the SDK tries again', async () => {
    const replace = vi.fn(async () => identity('2'))
    const [second, third] = [expired(), expired()]
    const { send, reasons, signedWith } = callWith(replace, [expired(), second, third])
    await expect(send()).rejects.toBe(second)
    await expect(send()).rejects.toBe(third)
    expect(signedWith).toEqual(['1', '2', '2'])
    expect(replace).toHaveBeenCalledTimes(1)
    expect([second, third].map((error) => reasons.get(error))).toEqual([undefined, undefined])
  })
  it.each([
    ['another error', Object.assign(new Error('no'), { name: 'AccessDeniedException' })],
    ['what is no error', { name: 'ExpiredTokenException' }],
    ['nothing', undefined],
  ])('is told from one that fails with %s', async (_, thrown) => {
    const replace = vi.fn(async () => identity('2'))
    const { send } = callWith(replace, [thrown])
    await expect(send()).rejects.toBe(thrown)
    expect(replace).not.toHaveBeenCalled()
  })
})

it('a call is made again before it is signed', () => {
  const { middlewareStack } = new KMSClient({ region: 'eu-central-1' })
  middlewareStack.use(retryExpired(undefined, new WeakMap()))
  expect(middlewareStack.identify()).toContain('nitroExpiredCredentials - before httpSigningMiddleware')
})

describe('one set of credentials', () => {
  const [{ accessKeyId, secretAccessKey }, one] = [identity('1'), nameOf(identity('1'))]
  it('is told from another by its access key or its session token', () => {
    expect(nameOf(identity('2'))).not.toBe(one)
    expect(nameOf({ ...identity('1'), accessKeyId: 'ASIAOTHER' })).not.toBe(one)
    expect(nameOf({ ...identity('1'), expiration: new Date() })).toBe(one)
  })
  it('has an empty session token when it has none', () => {
    expect(nameOf({ accessKeyId, secretAccessKey })).toBe(nameOf(identity('')))
  })
})
