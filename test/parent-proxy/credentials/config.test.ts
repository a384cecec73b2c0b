import { expect, it } from 'vitest'
import * as z from 'zod'
import {
  type CredentialsConfig,
  checkCredentialsConfig,
  credentialsSchemaWith,
} from '../../../parent-proxy/credentials/config.js'
import { refusal } from '../../support/errors.js'

const sessionPolicy = {
  roleArn: 'arn:aws:iam::123456789012:role/path/narrow',
  actions: ['kms:Decrypt', 'kms:GenerateRandom'],
  region: 'eu-west-1',
}

it.each<CredentialsConfig>([
  { source: 'imds' },
  { source: 'container' },
  { source: 'file', path: '/run/credentials.json' },
  { source: 'imds', sessionPolicy },
  { source: 'imds', sessionPolicy: { ...sessionPolicy, duration: 900_000 } },
  { source: 'file', path: '/c', sessionPolicy: { ...sessionPolicy, duration: 43_200_000 } },
  { source: 'imds', sessionPolicy: { ...sessionPolicy, roleArn: 'arn:aws-us-gov:iam::123456789012:role/x' } },
  { source: 'imds', sessionPolicy: { ...sessionPolicy, region: 'us-gov-west-1' } },
])('takes %j', (config) => {
  expect(checkCredentialsConfig(config)).toEqual(config)
})

it.each<[string, unknown]>([
  ['source', {}],
  ['source', { source: 'environment' }],
  ['path', { source: 'imds', path: '/c' }],
  ['path', { source: 'file' }],
  ['path', { source: 'file', path: 'relative.json' }],
  ['path', { source: 'file', path: '/with\0zero' }],
  ['endpoint', { source: 'imds', endpoint: 'http://169.254.169.254' }],
  ['roleArn', { source: 'imds', sessionPolicy: { ...sessionPolicy, roleArn: 'role/narrow' } }],
  [
    'roleArn',
    { source: 'imds', sessionPolicy: { ...sessionPolicy, roleArn: 'arn:aws:iam::123456789012:user/u' } },
  ],
  ['actions', { source: 'imds', sessionPolicy: { ...sessionPolicy, actions: [] } }],
  ['actions.0', { source: 'imds', sessionPolicy: { ...sessionPolicy, actions: ['kms:*'] } }],
  [
    'actions.1',
    { source: 'imds', sessionPolicy: { ...sessionPolicy, actions: ['kms:Decrypt', 'kms:Gen*'] } },
  ],
  ['actions.0', { source: 'imds', sessionPolicy: { ...sessionPolicy, actions: ['*'] } }],
  ['actions.0', { source: 'imds', sessionPolicy: { ...sessionPolicy, actions: ['s3:GetObject'] } }],
  ['actions.0', { source: 'imds', sessionPolicy: { ...sessionPolicy, actions: ['kms:Decrypt"'] } }],
  [
    'actions',
    { source: 'imds', sessionPolicy: { ...sessionPolicy, actions: Array(33).fill('kms:Decrypt') } },
  ],
  ['region', { source: 'imds', sessionPolicy: { ...sessionPolicy, region: 'evil.example/' } }],
  ['duration', { source: 'imds', sessionPolicy: { ...sessionPolicy, duration: 899_000 } }],
  ['duration', { source: 'imds', sessionPolicy: { ...sessionPolicy, duration: 3_601_000 } }],
  ['duration', { source: 'file', path: '/c', sessionPolicy: { ...sessionPolicy, duration: 43_201_000 } }],
  ['duration', { source: 'imds', sessionPolicy: { ...sessionPolicy, duration: 900_500 } }],
  ['externalId', { source: 'imds', sessionPolicy: { ...sessionPolicy, externalId: 'x' } }],
])('refuses a wrong %s: %j', async (member, config) => {
  expect(await refusal(() => checkCredentialsConfig(config as CredentialsConfig))).toMatchObject({
    name: 'UsageError',
    code: 'ERR_PROXY_CONFIG',
    message: expect.stringMatching(new RegExp(`^credentials.*${member}`)),
  })
})

it('takes durations as a file writes them', () => {
  const minutes = z
    .string()
    .regex(/^\d+m$/)
    .transform((text) => Number.parseInt(text, 10) * 60_000)
  const schema = credentialsSchemaWith(minutes)
  const config = (duration: unknown) => ({ source: 'imds', sessionPolicy: { ...sessionPolicy, duration } })
  expect(schema.parse(config('15m'))).toEqual(config(900_000))
  expect(schema.safeParse(config('14m')).success).toBe(false)
})
