import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import {
  checkedCredentials,
  MAX_ANSWER_LENGTH,
  readCredentials,
  writeCredentials,
} from '../../../shared/credentials/container-shape.js'
import { refusal } from '../../support/errors.js'

const good = {
  AccessKeyId: 'ASIAPLANTEDKEY',
  SecretAccessKey: 'planted/secret+key=',
  Token: 'planted//token==',
  Expiration: '2026-01-01T00:00:00Z',
}
const read = (value: object) => readCredentials(JSON.stringify(value), 'the giver')

it('reads the four members and nothing else', () => {
  const more = { region: 'mars', Endpoint: 'https://evil.example', RoleArn: 'arn:aws:iam::1:role/x' }
  expect(read({ ...good, ...more })).toEqual({
    accessKeyId: good.AccessKeyId,
    secretAccessKey: good.SecretAccessKey,
    sessionToken: good.Token,
    expiration: new Date('2026-01-01T00:00:00Z'),
  })
})

it('takes credentials that never expire, and an empty token for none', () => {
  const { AccessKeyId, SecretAccessKey } = good
  const bare = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey }
  expect(read({ AccessKeyId, SecretAccessKey })).toEqual(bare)
  expect(read({ AccessKeyId, SecretAccessKey, Token: '' })).toEqual(bare)
})

it('reads a date with an offset', () => {
  expect(read({ ...good, Expiration: '2026-01-01T01:00:00+01:00' }).expiration).toEqual(
    new Date('2026-01-01T00:00:00Z'),
  )
})

it.each([
  ['AccessKeyId', { ...good, AccessKeyId: 'ASIA PLANTED' }],
  ['AccessKeyId', { ...good, AccessKeyId: 'A'.repeat(129) }],
  ['AccessKeyId', { ...good, AccessKeyId: undefined }],
  ['SecretAccessKey', { ...good, SecretAccessKey: '' }],
  ['SecretAccessKey', { ...good, SecretAccessKey: 'planted\r\nX: y' }],
  ['SecretAccessKey', { ...good, SecretAccessKey: 'p'.repeat(257) }],
  ['Token', { ...good, Token: 'planted\n' }],
  ['Token', { ...good, Token: 'p'.repeat(8_193) }],
  ['Token', { ...good, Token: ['planted'] }],
  ['Expiration', { ...good, Expiration: 'planted' }],
  ['Expiration', { ...good, Expiration: 1_767_225_600 }],
  ['the answer', ['planted']],
])('refuses %s that is not as it must be, without showing it', async (member, value) => {
  const error = await refusal(() => read(value))
  expect(error).toMatchObject({
    code: 'ERR_CREDENTIALS',
    message: `the giver gave no credentials: ${member} is not as it must be`,
  })
  expect(inspect(error, { depth: 9 })).not.toMatch(/planted|PLANTED/)
})

it('names a member as its giver does', async () => {
  const value = { ...good, AccessKeyId: '' }
  const error = await refusal(() => checkedCredentials(value, 'the giver', { AccessKeyId: 'accessKeyId' }))
  expect(error.message).toBe('the giver gave no credentials: accessKeyId is not as it must be')
})

it('refuses what is no JSON, without showing it', async () => {
  const error = await refusal(() => readCredentials('planted secret', 'the giver'))
  expect(error).toMatchObject({
    code: 'ERR_CREDENTIALS',
    message: 'the giver gave no credentials: not JSON',
  })
  expect(inspect(error, { depth: 9 })).not.toContain('planted')
})

it('writes the longest that it reads within the length of an answer', () => {
  const longest = {
    accessKeyId: 'A'.repeat(128),
    secretAccessKey: '"'.repeat(256),
    sessionToken: '"'.repeat(8_192),
    expiration: new Date('2026-01-01T00:00:00Z'),
  }
  const text = writeCredentials(longest)
  expect(readCredentials(text, 'the giver')).toEqual(longest)
  expect(text.length).toBeLessThan(MAX_ANSWER_LENGTH)
})

it('writes what it reads', () => {
  const { sessionToken: _, ...bare } = read(good)
  const expiration = new Date('2026-01-01T00:00:00Z')
  expect(JSON.parse(writeCredentials({ ...read(good), expiration }))).toEqual({
    ...good,
    Expiration: '2026-01-01T00:00:00.000Z',
  })
  expect(JSON.parse(writeCredentials({ ...bare, expiration }))).toMatchObject({ Token: '' })
})
