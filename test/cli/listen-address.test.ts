import { describe, expect, it } from 'vitest'
import { listenAddress } from '../../cli/listen-address.js'

describe('an address to listen on', () => {
  it.each([
    ['127.0.0.1:8443', '127.0.0.1', 8443],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['8443', '127.0.0.1', 8443],
    ['[::1]:65535', '::1', 65535],
    ['[2001:DB8:0:0::1]:1', '2001:db8::1', 1],
  ])('%s', (text, address, port) => {
    expect(listenAddress(text)).toEqual({ address, port })
  })

  it.each([
    '',
    ':',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '127.0.0.1:1x',
    '127.0.0.256:1',
    '::1:1',
    '[127.0.0.1]:1',
    '[fe80::1%eth0]:1',
    'localhost:1',
  ])('%j is none', (text) => {
    expect(() => listenAddress(text)).toThrow(/^Expected an IP address and a port/)
  })
})
