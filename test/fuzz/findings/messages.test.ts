import { expect, it } from 'vitest'
import { parseRequest } from '../../../shared/messages.js'
import { refusal } from '../../support/errors.js'

it('names unknown members without what a terminal would obey', async () => {
  const error = await refusal(() => parseRequest('{"type":"status","\\u001b[2Ja\\u202e":1}'))
  expect(error).toMatchObject({
    code: 'ERR_MESSAGE',
    message: expect.stringContaining('\\u{1b}[2Ja\\u{202e}'),
  })
})

it('names some of many unknown members, and the beginning of long ones', async () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${i}`.padStart(100, 'x'), 1]))
  const { message } = await refusal(() => parseRequest(JSON.stringify({ type: 'status', ...many })))
  expect(message.length).toBeLessThan(1000)
  expect(message).toContain('and 992 more')
})
