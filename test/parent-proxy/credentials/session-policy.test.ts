import { expect, it } from 'vitest'
import type { SessionPolicyConfig } from '../../../parent-proxy/credentials/config.js'
import { withSessionPolicy } from '../../../parent-proxy/credentials/session-policy.js'
import { refusal } from '../../support/errors.js'
import { environment, expectNothingPlanted, type Reply, ROLE, type Seen, startService } from './support.js'

const { signal } = new AbortController()
const ROLE_ARN = 'arn:aws:iam::123456789012:role/kms/narrow'
const EXPIRATION = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 900_000)

const credentialsOf = (key: string) => `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <Credentials>
      <AccessKeyId>${key}</AccessKeyId>
      <SecretAccessKey>planted/session</SecretAccessKey>
      <SessionToken>planted//session==</SessionToken>
      <Expiration>${EXPIRATION.toISOString()}</Expiration>
    </Credentials>
  </AssumeRoleResult>
</AssumeRoleResponse>`

const refusalOf = (code: string, message = 'planted') =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>
</ErrorResponse>`

/** STS on loopback (AWS STS API Reference, AssumeRole), and a session of the role whose credentials it sees. */
const startSession = async (
  reply: (request: Seen) => Reply = () => [200, credentialsOf('ASIASESSION')],
  config: Partial<SessionPolicyConfig> = {},
) => {
  environment({})
  const { url, seen } = await startService(reply)
  const source = withSessionPolicy(
    { giver: 'the parent', fetch: async () => ROLE },
    { roleArn: ROLE_ARN, actions: ['kms:Decrypt', 'kms:GenerateRandom'], region: 'eu-west-1', ...config },
    url,
  )
  return { seen, fetched: () => source.fetch(signal), source }
}

it('gives the credentials of a session, not those of the parent', async () => {
  const { fetched } = await startSession()
  expect(await fetched()).toEqual({
    accessKeyId: 'ASIASESSION',
    secretAccessKey: 'planted/session',
    sessionToken: 'planted//session==',
    expiration: EXPIRATION,
  })
})

it('asks for the named actions and no others, for one hour, under its own name', async () => {
  const { seen, fetched } = await startSession()
  await fetched()
  expect(seen).toHaveLength(1)
  const { Policy = '', ...parameters } = Object.fromEntries(new URLSearchParams(seen[0]?.body))
  expect(parameters).toEqual({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: ROLE_ARN,
    RoleSessionName: 'nitro-enclave-parent-proxy',
    DurationSeconds: '3600',
  })
  expect(JSON.parse(Policy)).toEqual({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateRandom'], Resource: '*' }],
  })
})

it("signs with the parent's credentials, for STS in that region", async () => {
  const { seen, fetched } = await startSession()
  await fetched()
  const { authorization, 'x-amz-security-token': token } = seen[0]?.headers ?? {}
  expect(authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=ASIAPLANTED\/\d{8}\/eu-west-1\/sts\/aws4_request, .*Signature=[0-9a-f]{64}$/,
  )
  expect(token).toBe(ROLE.sessionToken)
})

it('asks for the duration that it is told', async () => {
  const { seen, fetched } = await startSession(undefined, { duration: 900_000 })
  await fetched()
  expect(new URLSearchParams(seen[0]?.body).get('DurationSeconds')).toBe('900')
})

it("signs each time with what are the parent's credentials then", async () => {
  environment({})
  const { url, seen } = await startService(() => [200, credentialsOf('ASIASESSION')])
  const keys = ['ASIAONE', 'ASIATWO']
  const source = withSessionPolicy(
    { giver: 'the parent', fetch: async () => ({ ...ROLE, accessKeyId: keys.shift() ?? '' }) },
    { roleArn: ROLE_ARN, actions: ['kms:Decrypt'], region: 'eu-west-1' },
    url,
  )
  await source.fetch(signal)
  await source.fetch(signal)
  expect(seen.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1])).toEqual([
    'ASIAONE',
    'ASIATWO',
  ])
})

it.each<[string, Reply, Partial<SessionPolicyConfig>, RegExp]>([
  [
    'AccessDenied',
    [403, refusalOf('AccessDenied')],
    {},
    /role\/kms\/narrow, and .* must allow sts:AssumeRole$/,
  ],
  ['ExpiredToken', [400, refusalOf('ExpiredToken')], {}, /the parent gave credentials that have expired$/],
  ['ValidationError', [400, refusalOf('ValidationError')], { duration: 7_200_000 }, /3,600 seconds at most/],
  [
    'another refusal',
    [403, refusalOf('SignatureDoesNotMatch')],
    {},
    /SignatureDoesNotMatch", HTTP 403, request "request-1"/,
  ],
  ['no credentials', [200, credentialsOf('ASIA PLANTED')], {}, /AccessKeyId is not as it must be$/],
  ['no XML', [200, 'planted'], {}, /STS in eu-west-1 gave no credentials/],
])('names %s, and shows nothing that STS said', async (_, reply, config, words) => {
  const { fetched } = await startSession(() => reply, config)
  const error = await refusal(fetched)
  expect(error).toMatchObject({ code: 'ERR_CREDENTIALS', message: expect.stringMatching(words) })
  expectNothingPlanted(error)
})

it("passes on what is wrong with the parent's own credentials", async () => {
  const { source } = await startSession()
  const broken = withSessionPolicy(
    {
      giver: 'the parent',
      fetch: () => Promise.reject(new Error('nothing there')),
      changed: async () => true,
    },
    { roleArn: ROLE_ARN, actions: ['kms:Decrypt'], region: 'eu-west-1' },
  )
  await expect(broken.fetch(signal)).rejects.toThrow('nothing there')
  expect(await broken.changed?.()).toBe(true)
  expect(source.changed).toBeUndefined()
})
