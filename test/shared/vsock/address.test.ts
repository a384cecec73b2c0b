import { describe, expect, it } from 'vitest'
import { checkAddress, formatAddress, parseAddress } from '../../../shared/vsock/address.js'
import {
  connect,
  kernelTransport,
  listen,
  PARENT_CID,
  parseVsockAddress,
  unixTransport,
  VMADDR_CID_ANY,
} from '../../../shared/vsock/index.js'

const refused = expect.objectContaining({ name: 'OperationError', code: 'ERR_VSOCK_ADDRESS' })

describe('checkAddress', () => {
  it.each([0, 1, 3, 0xfffffffe])('takes port %d', (port) => {
    expect(checkAddress({ cid: PARENT_CID, port })).toEqual({ cid: 3, port })
  })

  it.each([0, 2, 16, VMADDR_CID_ANY])('takes CID %d', (cid) => {
    expect(checkAddress({ cid, port: 8000 })).toEqual({ cid, port: 8000 })
  })

  const notU32 = [
    -1,
    2 ** 32,
    1.5,
    Number.NaN,
    Infinity,
    '3' as unknown as number,
    undefined as unknown as number,
  ]
  it.each([...notU32, 0xffffffff])('refuses port %s', (port) => {
    expect(() => checkAddress({ cid: 3, port })).toThrow(refused)
  })
  it.each(notU32)('refuses CID %s', (cid) => {
    expect(() => checkAddress({ cid, port: 8000 })).toThrow(refused)
  })
  it.each([
    [{ cid: -1, port: 8000 }, 'a vsock CID is an integer from 0 to 4294967295, not -1'],
    [{ cid: 3, port: 0xffffffff }, 'a vsock port is an integer from 0 to 4294967294, not 4294967295'],
  ])('says of %o what is wrong', (address, message) => {
    expect(() => checkAddress(address)).toThrow(message)
  })
})

it.each([
  [3, 'vsock:3:8000'],
  [VMADDR_CID_ANY, 'vsock:ANY:8000'],
])('CID %d is shown as in %s, which can be read', (cid, text) => {
  expect(formatAddress({ cid, port: 8000 })).toBe(text)
  expect(parseAddress(text)).toMatchObject({ cid, port: 8000 })
})

describe('parseAddress', () => {
  it.each([
    ['vsock:3:8000', { kind: 'kernel', cid: 3, port: 8000 }],
    ['vsock:ANY:8000', { kind: 'kernel', cid: 0xffffffff, port: 8000 }],
    ['vsock:0:0', { kind: 'kernel', cid: 0, port: 0 }],
    ['unix:/run/e:8000', { kind: 'unix', directory: '/run/e', cid: 3, port: 8000 }],
    ['unix:/run/e:16.5000', { kind: 'unix', directory: '/run/e', cid: 16, port: 5000 }],
    ['unix:./a:b:8000', { kind: 'unix', directory: './a:b', cid: 3, port: 8000 }],
    ['hybrid:/run/v.sock:52', { kind: 'hybrid', path: '/run/v.sock', cid: 3, port: 52 }],
    ['hybrid:./a:16.5:v.sock:0', { kind: 'hybrid', path: './a:16.5:v.sock', cid: 3, port: 0 }],
  ])('reads %s', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected)
  })

  it.each([
    '',
    '8000',
    'vsock:8000',
    'vsock::8000',
    'vsock:3:',
    'vsock:any:8000',
    'vsock:3:ANY',
    'vsock:3: 8000',
    'vsock:3:+8000',
    'vsock:3:0x10',
    'vsock:3:1e3',
    'vsock:03:8000',
    'vsock:3:08000',
    'vsock:3:4294967295',
    'vsock:3:4294967296',
    'vsock:4294967296:8000',
    'vsock:-1:8000',
    'vsock:3.4:8000',
    'vsock:3:8000:',
    'xvsock:3:8000',
    'tcp:3:8000',
    'unix::8000',
    'unix:/run/e',
    'unix:/run/e:ANY.8000',
    'unix:/run/e:.8000',
    'unix:/run/e:3.',
    'unix:/run/e:3.4.8000',
    'unix:/run/\0e:8000',
    'hybrid:52',
    'hybrid::52',
    'hybrid:/run/v.sock',
    'hybrid:/run/v.sock:',
    'hybrid:/run/v.sock:ANY',
    'hybrid:/run/v.sock:052',
    'hybrid:/run/v.sock:3.52',
    'hybrid:/run/v.sock:4294967295',
    'hybrid:/run/\0v.sock:52',
  ])('refuses %j', (text) => {
    expect(() => parseVsockAddress(text)).toThrow(refused)
  })

  it.each([
    ['vsock:any:8000', 'a vsock CID is an integer from 0 to 4294967295, not "any"'],
    ['vsock:3:http', 'a vsock port is an integer from 0 to 4294967294, not "http"'],
    ['unix:/run/e:x.8000', 'a vsock CID is an integer from 0 to 4294967295, not "x"'],
    ['unix:/run/e:3.', 'a vsock port is an integer from 0 to 4294967294, not ""'],
    ['hybrid:/run/v.sock:052', 'a vsock port is an integer from 0 to 4294967294, not "052"'],
  ])('quotes what is no number in %j', (text, message) => {
    expect(() => parseAddress(text)).toThrow(message)
  })

  it('quotes what is no address at all, and says what one looks like', () => {
    expect(() => parseAddress('tcp:3:8000')).toThrow(
      'not a vsock address (vsock:CID:PORT, unix:DIR:PORT or hybrid:PATH:PORT): "tcp:3:8000"',
    )
  })

  it('names the transport that the text asks for', () => {
    expect(parseVsockAddress('vsock:3:8000').transport).toBe(kernelTransport)
    expect(parseVsockAddress('unix:/run/e:8000')).toMatchObject({ cid: 3, port: 8000 })
    expect(parseVsockAddress('unix:/run/e:8000').transport).not.toBe(kernelTransport)
    expect(parseVsockAddress('hybrid:/run/v.sock:52')).toMatchObject({ cid: 3, port: 52 })
    expect(parseVsockAddress('hybrid:/run/v.sock:52').transport).not.toBe(kernelTransport)
  })
})

describe('bad addresses and options', () => {
  const transport = unixTransport('/nonexistent')

  it('refuses them before any socket is made', async () => {
    expect(() => connect({ cid: 3, port: -1, transport })).toThrow(refused)
    expect(() => connect({ cid: VMADDR_CID_ANY, port: 1, transport: kernelTransport })).toThrow(refused)
    await expect(listen({ cid: -1, port: 1, transport })).rejects.toEqual(refused)
    await expect(listen({ port: 1, transport })).rejects.toMatchObject({
      code: 'ERR_VSOCK_ADDRESS',
      message: 'a Unix transport needs a CID: ANY names no socket file',
    })
  })

  it.each([0, -1, Number.NaN, 2 ** 31])('refuses a timeout of %d ms', (timeout) => {
    expect(() => connect({ cid: 3, port: 1, transport, timeout })).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'ERR_USAGE' }),
    )
  })

  it.each(['', '/run\0/e'])('refuses the directory %j', (directory) => {
    const message = 'a Unix transport needs the name of a directory'
    expect(() => unixTransport(directory)).toThrow(
      expect.objectContaining({ code: 'ERR_VSOCK_ADDRESS', message }),
    )
  })
})

describe('kernel transport', () => {
  const unavailable = expect.objectContaining({ code: 'ERR_VSOCK_UNAVAILABLE' })

  it('is the default, and an error of its own where the kernel has no AF_VSOCK', async () => {
    expect(() => connect({ cid: 3, port: 8000 })).toThrow(unavailable)
    await expect(listen({ port: 8000 })).rejects.toEqual(unavailable)
  })
})
