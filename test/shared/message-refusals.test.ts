import { expect, it } from 'vitest'
import { MAX_MESSAGE_LENGTH, parseRequest } from '../../shared/messages.js'
import { refusal } from '../support/errors.js'

const credentials = { type: 'setCredentials', accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'planted' }
const NOT_UNDERSTOOD = 'the message is not understood: '

it.each([
  ['{', 'the message is not JSON'],
  ['7', `${NOT_UNDERSTOOD}the message: not as it must be`],
  ['{"type":"restart"}', `${NOT_UNDERSTOOD}type: no request of that name`],
  ['{}', `${NOT_UNDERSTOOD}type: no request of that name`],
  [
    JSON.stringify({ ...credentials, accessKeyId: '', secretAccessKey: 'planted\n' }),
    `${NOT_UNDERSTOOD}accessKeyId: not as it must be; secretAccessKey: not as it must be`,
  ],
  [
    '{"type":"status","region":"planted","host":"planted"}',
    `${NOT_UNDERSTOOD}the message has members that nobody may set: region, host`,
  ],
  [
    JSON.stringify({ type: 'status', ['a'.repeat(70)]: 'planted' }),
    `${NOT_UNDERSTOOD}the message has members that nobody may set: ${'a'.repeat(64)}`,
  ],
  [
    JSON.stringify({
      type: 'status',
      ...Object.fromEntries(Array.from('abcdefgh', (name) => [name, 'planted'])),
    }),
    `${NOT_UNDERSTOOD}the message has members that nobody may set: a, b, c, d, e, f, g, h`,
  ],
  [
    JSON.stringify({
      type: 'status',
      ...Object.fromEntries(Array.from('abcdefghij', (name) => [name, 'planted'])),
    }),
    `${NOT_UNDERSTOOD}the message has members that nobody may set: a, b, c, d, e, f, g, h, and 2 more`,
  ],
])('%s is refused by the name of what is wrong, and shows no value', async (line, message) => {
  expect(await refusal(() => parseRequest(line))).toMatchObject({ code: 'ERR_MESSAGE', message })
})

it.each([
  ['numberOfBytes', { type: 'generateRandom', numberOfBytes: 0 }],
  ['numberOfBytes', { type: 'generateRandom', numberOfBytes: 1_025 }],
  ['numberOfBytes', { type: 'generateRandom', numberOfBytes: 1.5 }],
  ['accessKeyId', { ...credentials, accessKeyId: 'A'.repeat(129) }],
  ['accessKeyId', { ...credentials, accessKeyId: ' ASIA' }],
  ['accessKeyId', { ...credentials, accessKeyId: 'ASIA\n' }],
  ['secretAccessKey', { ...credentials, secretAccessKey: 'x'.repeat(257) }],
  ['secretAccessKey', { ...credentials, secretAccessKey: '' }],
  ['secretAccessKey', { ...credentials, secretAccessKey: ' x' }],
  ['secretAccessKey', { ...credentials, secretAccessKey: 'x ' }],
  ['sessionToken', { ...credentials, sessionToken: 'x'.repeat(8_193) }],
  ['expiration', { ...credentials, expiration: 'tomorrow' }],
])('%s is held to what it may be', async (member, request) => {
  expect(await refusal(() => parseRequest(JSON.stringify(request)))).toMatchObject({
    message: `${NOT_UNDERSTOOD}${member}: not as it must be`,
  })
})

it.each([
  { type: 'generateRandom', numberOfBytes: 1 },
  { ...credentials, accessKeyId: 'A'.repeat(128), secretAccessKey: 'x'.repeat(256) },
  { ...credentials, secretAccessKey: '!~', sessionToken: 'x'.repeat(8_192) },
])('the longest and the shortest are read', (request) => {
  expect(parseRequest(JSON.stringify(request))).toEqual(request)
})

it('the longest request fits into a line', () => {
  const longest = { ...credentials, accessKeyId: 'A'.repeat(128), secretAccessKey: 'x'.repeat(256) }
  const rest = { sessionToken: '"'.repeat(4_096) + 'x'.repeat(4_096), expiration: '2026-01-01T00:00:00.000Z' }
  const line = JSON.stringify({ ...longest, ...rest })
  expect(parseRequest(line)).toMatchObject(rest)
  expect(line.length).toBeLessThan(MAX_MESSAGE_LENGTH)
})
