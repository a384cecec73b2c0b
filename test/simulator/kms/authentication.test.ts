import { describe, expect, it } from 'vitest'
import { authenticate } from '../../../simulator/kms/authentication.js'
import { EVERYTHING } from '../../../simulator/kms/identities.js'
import { newRoleCredentials, newUserCredentials } from '../../../simulator/kms/new-credentials.js'
import type { Principal } from '../../../simulator/kms/policy/principal.js'
import type { Credentials } from '../../../simulator/kms/signature.js'
import { signedRequest } from './signed-request.js'
import { REGION } from './support.js'

const arnOf = (name: string) => `arn:aws:iam::123456789012:user/${name}`
const user = (name: string, credentials: Credentials, expiration?: Date): Principal => ({
  credentials,
  arn: arnOf(name),
  policy: EVERYTHING,
  expiration,
})

async function ask(principals: readonly Principal[], credentials: Credentials, now = new Date()) {
  const request = await signedRequest(Buffer.from('{}'), 'GenerateRandom', credentials)
  return authenticate({ ...request, path: request.url }, { region: REGION, principals, now })
}

describe('authenticate', () => {
  it('finds who signed, among several', async () => {
    const [one, two] = [newUserCredentials(), newRoleCredentials()]
    const principals = [user('one', one), user('two', two)]
    expect(await ask(principals, one)).toBe(principals[0])
    expect(await ask(principals, two)).toBe(principals[1])
  })

  it.each<[string, Partial<Credentials>, string]>([
    ['an access key of nobody', { accessKeyId: 'AKIAOTHERWISE' }, 'UnrecognizedClientException'],
    ["another's session token", { sessionToken: 'other' }, 'UnrecognizedClientException'],
    ['no session token', { sessionToken: undefined }, 'UnrecognizedClientException'],
    ['another secret', { secretAccessKey: 'other' }, 'InvalidSignatureException'],
  ])('refuses %s', async (_, change, name) => {
    const known = newRoleCredentials()
    await expect(ask([user('one', known)], { ...known, ...change })).rejects.toMatchObject({ name })
  })

  it('refuses the secret of another identity', async () => {
    const [one, two] = [newUserCredentials(), newUserCredentials()]
    const mixed = { ...one, secretAccessKey: two.secretAccessKey }
    await expect(ask([user('one', one), user('two', two)], mixed)).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    })
  })

  it('says that credentials have expired, from that moment on', async () => {
    const known = newRoleCredentials()
    const now = new Date()
    const expiring = (milliseconds: number) => [user('one', known, new Date(now.getTime() + milliseconds))]
    expect((await ask(expiring(1), known, now)).arn).toBe(arnOf('one'))
    await expect(ask(expiring(0), known, now)).rejects.toMatchObject({
      name: 'ExpiredTokenException',
      message: 'The security token included in the request is expired',
      status: 400,
    })
  })

  it('does not say to a stranger that they have', async () => {
    const known = newRoleCredentials()
    const forged = { ...known, secretAccessKey: 'forged' }
    await expect(ask([user('one', known, new Date(0))], forged)).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    })
  })
})
