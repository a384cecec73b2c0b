/** Requests to the enclave: what is accepted is accepted again as it was understood. */
import { isDeepStrictEqual } from 'node:util'
import { FormatError } from '../../../shared/errors.js'
import { parseRequest } from '../../../shared/messages.js'
import { anyRequest, REQUESTS, WORDS } from '../message-seeds.js'
import { broken, type Target } from '../target.js'

const utf8 = new TextDecoder()
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text))

export const target: Target = {
  maxLength: 16 * 1024,
  seeds: () => REQUESTS.map(bytesOf),
  arbitrary: anyRequest.map(bytesOf),
  dictionary: WORDS,
  refusals: [{ class: FormatError, code: /^ERR_MESSAGE$/ }],
  run: (bytes) => {
    const request = parseRequest(utf8.decode(bytes))
    if (!isDeepStrictEqual(parseRequest(JSON.stringify(request)), request)) broken('one meaning')
    if (request.type !== 'generateRandom') return
    const { numberOfBytes } = request
    if (!Number.isInteger(numberOfBytes) || numberOfBytes < 1 || numberOfBytes > 1024)
      broken('1 to 1,024 bytes')
  },
}
