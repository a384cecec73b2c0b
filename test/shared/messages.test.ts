import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError } from '../../shared/errors.js'
import { parseRequest } from '../../shared/messages.js'
import { refusal } from '../support/errors.js'

const SECRET = 'wJalrXUtnFEMI/K7MDENG'
const credentials = { type: 'setCredentials', accessKeyId: 'ASIAEXAMPLE', secretAccessKey: SECRET }

describe('a request', () => {
  it.each([
    { type: 'status' },
    { type: 'generateRandom', numberOfBytes: 1_024 },
    credentials,
    { ...credentials, sessionToken: 'token', expiration: '2026-01-01T00:00:00Z' },
  ])('is read as it is: %j', (request) => {
    expect(parseRequest(JSON.stringify(request))).toEqual(request)
  })

  it.each([
    'region',
    'endpoint',
    'host',
    'kmsHost',
    'trustAnchors',
    'tlsRoots',
    'parentCid',
    'proxyPort',
    'controlPort',
    'configuration',
  ])('cannot name %s: that is in the image', async (member) => {
    for (const request of [{ type: 'status' }, { type: 'generateRandom', numberOfBytes: 1 }, credentials]) {
      const error = await refusal(() => parseRequest(JSON.stringify({ ...request, [member]: 'other' })))
      expect(error).toMatchObject({ code: 'ERR_MESSAGE', message: expect.stringContaining(member) })
    }
  })

  it.each([
    ['what is no JSON', '{'],
    ['a number', '7'],
    ['null', 'null'],
    ['no type', '{}'],
    ['an unknown type', '{"type":"SetRegion"}'],
    ['no bytes', '{"type":"generateRandom","numberOfBytes":0}'],
    ['too many bytes', '{"type":"generateRandom","numberOfBytes":1025}'],
    ['half a byte', '{"type":"generateRandom","numberOfBytes":1.5}'],
    ['bytes as text', '{"type":"generateRandom","numberOfBytes":"1"}'],
    ['an expiration that is no time', JSON.stringify({ ...credentials, expiration: 'soon' })],
    ['a key id that breaks a header', JSON.stringify({ ...credentials, accessKeyId: 'AKIA\r\nX: y' })],
    ['a secret that is no text of ASCII', JSON.stringify({ ...credentials, secretAccessKey: 'ÄÖ' })],
    ['a token that breaks a header', JSON.stringify({ ...credentials, sessionToken: 'a\r\nb' })],
    ['an empty key id', JSON.stringify({ ...credentials, accessKeyId: '' })],
  ])('is refused with %s', async (_, line) => {
    expect(await refusal(() => parseRequest(line))).toMatchObject({
      name: 'FormatError',
      code: 'ERR_MESSAGE',
    })
  })

  it('is refused without its secrets in the error', async () => {
    const wrong = { ...credentials, secretAccessKey: [SECRET], [SECRET.slice(0, 4)]: 1 }
    const { message, stack } = await refusal(() => parseRequest(JSON.stringify(wrong)))
    expect(`${message}${stack}`).not.toContain(SECRET)
  })

  it('is never anything but read or refused by FormatError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (line) => {
        try {
          parseRequest(line)
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
    )
  })
})
