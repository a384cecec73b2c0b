import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../parent-proxy/config.js'
import { hybridTransport, kernelTransport } from '../../../shared/vsock/index.js'
import { KMS, listener, problems, TO_KMS, withListener } from './support.js'

describe('listen', () => {
  it.each([
    ['unix:/d:8000', '', { cid: 3, port: 8000 }, 'unix:/d:8000'],
    ['unix:/d:8000', 'cid: 16,', { cid: 16, port: 8000 }, 'unix:/d:16.8000'],
    ['unix:/d:3.8000', 'cid: 16,', { cid: 3, port: 8000 }, 'unix:/d:3.8000'],
    ['unix:/d.d:8000', 'cid: 16,', { cid: 16, port: 8000 }, 'unix:/d.d:16.8000'],
  ])('%s with %s is the socket of that address', (address, cid, listen, name) => {
    expect(listener(`listen: "${address}", ${cid} ${TO_KMS}`)).toMatchObject({ kind: 'unix', listen, name })
  })

  it('hybrid has a transport of its own', () => {
    const { kind, listen, name } = listener(`listen: "hybrid:/d/vm.sock:8000", ${TO_KMS}`)
    expect({ kind, name, port: listen.port }).toEqual({
      kind: 'hybrid',
      name: 'hybrid:/d/vm.sock:8000',
      port: 8000,
    })
    expect(Object.keys(listen.transport)).toEqual(Object.keys(hybridTransport('/d/vm.sock')))
    expect(listen.transport).not.toBe(kernelTransport)
  })

  it.each([
    ['vsock:ANY:8000', '', 'vsock:ANY:8000', ''],
    ['vsock:ANY:8000', '', 'vsock:3:8000', ''],
    ['vsock:3:8000', '', 'vsock:ANY:8000', ''],
    ['unix:/d:8000', '', 'unix:/d/:3.8000', ''],
    ['unix:/d:8000', 'cid: 16,', 'unix:/d:16.8000', ''],
    ['hybrid:/d/vm:8000', '', 'hybrid:/d/../d/vm:8000', ''],
  ])('%s %s and %s %s are one socket', (one, oneCid, other, otherCid) => {
    const text = `${KMS}listeners:
- {listen: "${one}", ${oneCid} ${TO_KMS}}
- {listen: "${other}", ${otherCid} ${TO_KMS}}
`
    expect(problems(text)).toEqual([
      'proxy.yaml:4:12: listeners[1].listen: listeners[0] listens there already',
    ])
  })

  it.each([
    ['vsock:ANY:8000', '', 'vsock:ANY:8001', ''],
    ['vsock:3:8000', '', 'vsock:4:8000', ''],
    ['unix:/d:8000', 'cid: 16,', 'unix:/d:8000', 'cid: 17,'],
    ['hybrid:/d/a:8000', '', 'hybrid:/d/b:8000', ''],
  ])('%s %s and %s %s are two', (one, oneCid, other, otherCid) => {
    const text = `${KMS}listeners:
- {listen: "${one}", ${oneCid} ${TO_KMS}}
- {listen: "${other}", ${otherCid} ${TO_KMS}}
`
    const names = parseConfig(text, 'proxy.yaml').listeners.map(({ name }) => name)
    expect(new Set(names).size).toBe(2)
  })

  it.each([
    ['tcp:127.0.0.1:80', /not a vsock address/],
    ['vsock:ANY:4294967295', /a vsock port is an integer/],
    ['vsock:4294967296:1', /a vsock CID is an integer/],
    [`unix:/${'d'.repeat(120)}:8000`, /at most 107 bytes/],
    [`hybrid:/${'d'.repeat(120)}:8000`, /at most 107 bytes/],
    ['unix:d\\0:8000', /the name of a directory/],
  ])('refuses %s', (address, message) => {
    expect(problems(withListener(`listen: "${address}", ${TO_KMS}`))).toEqual([
      expect.stringMatching(new RegExp(`^proxy.yaml:2:22: listeners\\[0\\]\\.listen: .*${message.source}`)),
    ])
  })
})

describe('to', () => {
  it.each([
    ['kms.test:443', 'kms.test', 443],
    ['192.0.2.1:1', '192.0.2.1', 1],
    ['[2001:db8::1]:65535', '2001:db8::1', 65535],
  ])('%s', (text, host, port) => {
    const file = `allowlist: [{address: "${host}", port: ${port}}]
listeners: [{listen: vsock:ANY:8000, to: "${text}"}]`
    expect(parseConfig(file, 'proxy.yaml').listeners).toMatchObject([{ to: { host, port } }])
  })

  it.each([
    '"kms.test"',
    '"kms.test:"',
    '"kms.test:0"',
    '"kms.test:65536"',
    '":443"',
    '"2001:db8::1:443"',
    '"[kms.test]:443"',
    '"kms test:443"',
    '"kms..test:443"',
    '"*.test:443"',
    '"127.1:443"',
    '443',
    '[kms.test]',
  ])('refuses %s', (to) => {
    expect(problems(withListener(`listen: vsock:ANY:8000, to: ${to}`))).toEqual([
      expect.stringMatching(/^proxy.yaml:2:42: listeners\[0\]\.to: HOST:PORT or \[IPV6\]:PORT, .*, not /),
    ])
  })

  it('must be in the allowlist', () => {
    const text = `${KMS}listeners:
- {listen: vsock:ANY:8000, to: "kms.test:443"}
- {listen: vsock:ANY:8001, to: "evil.test:443"}
- {listen: vsock:ANY:8002, to: "kms.test:444"}
`
    const refusal = 'The given address and port are not allowed: '
    expect(problems(text)).toEqual([
      expect.stringContaining(`proxy.yaml:4:32: listeners[1].to: ${refusal}evil.test:443`),
      expect.stringContaining(`proxy.yaml:5:32: listeners[2].to: ${refusal}kms.test:444`),
    ])
  })

  it('is not held against an allowlist that is no list', () => {
    expect(problems(`allowlist: 5\nlisteners: [{listen: vsock:ANY:8000, ${TO_KMS}}]\n`)).toEqual([
      'proxy.yaml:1:12: allowlist: a list, not 5',
    ])
  })

  it('is not held against an allowlist that is itself wrong', () => {
    const text = `allowlist: [{address: "kms test", port: 443}]
listeners: [{listen: vsock:ANY:8000, to: "kms.test:443"}]`
    expect(problems(text)).toEqual([
      expect.stringMatching(/^proxy.yaml:1:23: allowlist\[0\]\.address: .*"kms test"/),
    ])
  })
})

describe('what concerns the whole proxy', () => {
  it.each([
    ['monitor: "0.0.0.0:9465"', 'monitor'],
    ['monitor: "localhost:9465"', 'monitor'],
    ['monitor: "[::]:9465"', 'monitor'],
    ['monitor: "128.0.0.1:9465"', 'monitor'],
    ['monitor: "127.0.0.1:65536"', 'monitor'],
    ['monitor: 9465', 'monitor'],
    ['dns: {servers: [dns.test]}', 'dns.servers[0]'],
    ['dns: {servers: ["10.0.0.2:0"]}', 'dns.servers[0]'],
    ['dns: {servers: ["10.0.0.2:65536"]}', 'dns.servers[0]'],
    ['dns: {servers: []}', 'dns.servers'],
    ['log: {level: trace}', 'log.level'],
    ['drainTimeout: -1', 'drainTimeout'],
    ['maxConnections: 0', 'maxConnections'],
    ['maxConnectionsPerCid: 0', 'maxConnectionsPerCid'],
  ])('%s is refused', (line, path) => {
    const text = `${withListener(`listen: vsock:ANY:8000, ${TO_KMS}`)}${line}\n`
    expect(problems(text)).toEqual([expect.stringContaining(`: ${path}: `)])
  })

  it.each(['127.0.0.1:9465', '127.0.0.1:0', '127.1.2.3:1', '[::1]:9465', '[0:0:0:0:0:0:0:1]:9465'])(
    '%s is a monitor',
    (address) => {
      const text = `${withListener(`listen: vsock:ANY:8000, ${TO_KMS}`)}monitor: "${address}"\n`
      expect(parseConfig(text, 'proxy.yaml').monitor).toBeDefined()
    },
  )
})
