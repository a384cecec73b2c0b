/** Addresses of vsock: what is read is written, and read again, as the same. */
import { isDeepStrictEqual } from 'node:util'
import { OperationError } from '../../../shared/errors.js'
import { formatAddress, type ParsedAddress, parseAddress } from '../../../shared/vsock/address.js'
import { broken, type Target } from '../target.js'

const utf8 = new TextDecoder()
const text = (...parts: readonly string[]) => parts.map((part) => new Uint8Array(Buffer.from(part)))

export const target: Target = {
  maxLength: 256,
  seeds: () =>
    text(
      'vsock:3:8000',
      'vsock:ANY:9000',
      'unix:/run/x:8000',
      'unix:/run/x:16.8000',
      'hybrid:/tmp/v.sock:52',
    ),
  dictionary: text(
    'vsock:',
    'unix:',
    'hybrid:',
    'ANY',
    '4294967295',
    '4294967294',
    ':',
    '.',
    '-1',
    '0x10',
    '1e3',
    '\n',
    ' ',
  ),
  refusals: [{ class: OperationError, code: /^ERR_VSOCK_ADDRESS$/ }],
  run: (bytes) => {
    const address = parseAddress(utf8.decode(bytes))
    const { cid, port } = address
    if (!isU32(cid) || !isU32(port) || port === 0xffffffff) broken('both are numbers of 32 bits')
    if (!isDeepStrictEqual(parseAddress(written(address)), address))
      broken('writing and reading change nothing')
  },
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff
}

function written(address: ParsedAddress): string {
  switch (address.kind) {
    case 'kernel':
      return formatAddress(address)
    case 'unix':
      return `unix:${address.directory}:${address.cid}.${address.port}`
    case 'hybrid':
      return `hybrid:${address.path}:${address.port}`
  }
}
