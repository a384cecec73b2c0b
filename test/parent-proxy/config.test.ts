import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../parent-proxy/config.js'
import { kernelTransport, VMADDR_CID_ANY } from '../../shared/vsock/index.js'
import { KMS, problems, TO_KMS, withListener } from './config/support.js'

describe('a configuration', () => {
  it('needs an allowlist and listeners, and has a default for all else', () => {
    const text = `
allowlist:
- {address: kms.test, port: 443}
listeners:
- listen: vsock:ANY:8000
  to: kms.test:443
- listen: vsock:3:8001
  credentials: {source: imds}
`
    const common = { kind: 'vsock', maxConnections: 4096, queue: 1024 }
    expect(parseConfig(text, 'proxy.yaml')).toEqual({
      allowlist: [{ address: 'kms.test', port: 443 }],
      listeners: [
        {
          ...common,
          name: 'vsock:ANY:8000',
          listen: { cid: VMADDR_CID_ANY, port: 8000, transport: kernelTransport, backlog: 4096 },
          to: { host: 'kms.test', port: 443 },
          connectTimeout: 10_000,
          idleTimeout: 0,
          halfOpenTimeout: 300_000,
          dns: {},
        },
        {
          ...common,
          name: 'vsock:3:8001',
          listen: { cid: 3, port: 8001, transport: kernelTransport, backlog: 4096 },
          credentials: { source: 'imds' },
        },
      ],
      drainTimeout: 30_000,
      dns: {},
      log: { level: 'info' },
    })
  })

  it('takes every option', () => {
    const text = `
allowlist:
- {address: "*.test", port: 443}
- {address: 10.0.0.0/8, port: 5432}
maxConnections: 1000
maxConnectionsPerCid: 100
drainTimeout: 1m
monitor: "[::1]:9465"
dns: {servers: [10.0.0.2, "127.0.0.1:5353", "fd00::2", "[fd00::2]:53"]}
log: {level: debug}
listeners:
- listen: unix:/run/enclaves:8000
  backlog: 16
  cid: 16
  from: [16, 17]
  maxConnections: 10
  maxConnectionsPerCid: 5
  queue: 0
  to: kms.test:443
  connectTimeout: 2s
  idleTimeout: 1h
  halfOpenTimeout: 10s
  dns: {ttl: 30, prefer: ipv4-only}
- listen: vsock:ANY:8001
  credentials:
    source: file
    path: /run/credentials
    sessionPolicy:
      roleArn: arn:aws:iam::123456789012:role/enclave
      actions: [kms:Decrypt]
      region: us-east-1
      duration: 15m
`
    const config = parseConfig(text, 'proxy.yaml')
    expect(config).toMatchObject({
      maxConnections: 1000,
      maxConnectionsPerCid: 100,
      drainTimeout: 60_000,
      monitor: { host: '::1', port: 9465 },
      dns: { servers: ['10.0.0.2', '127.0.0.1:5353', 'fd00::2', '[fd00::2]:53'] },
      log: { level: 'debug' },
    })
    expect(config.listeners).toMatchObject([
      {
        kind: 'unix',
        listen: { backlog: 16 },
        cid: 16,
        from: [16, 17],
        maxConnections: 10,
        maxConnectionsPerCid: 5,
        queue: 0,
        connectTimeout: 2000,
        idleTimeout: 3_600_000,
        halfOpenTimeout: 10_000,
        dns: { ttl: 30_000, prefer: 'ipv4-only' },
      },
      {
        credentials: {
          source: 'file',
          path: '/run/credentials',
          sessionPolicy: {
            roleArn: 'arn:aws:iam::123456789012:role/enclave',
            actions: ['kms:Decrypt'],
            region: 'us-east-1',
            duration: 900_000,
          },
        },
      },
    ])
  })

  it("takes the allowlist of AWS's vsock-proxy as it is", () => {
    const text = `allowlist:
- {address: kms.us-east-1.amazonaws.com, port: 443}
- {address: kms-fips.us-east-1.amazonaws.com, port: 443}
`
    const own = 'listeners: [{listen: vsock:ANY:8000, to: "kms-fips.us-east-1.amazonaws.com:443"}]\n'
    expect(parseConfig(text + own, 'proxy.yaml').allowlist).toHaveLength(2)
  })

  it('may repeat itself by anchors', () => {
    const [first, second] = parseConfig(
      `${KMS}listeners:
- {listen: vsock:ANY:8000, to: "kms.test:443", from: &cids [16, 17]}
- {listen: vsock:ANY:8001, to: "kms.test:443", from: *cids}
`,
      'proxy.yaml',
    ).listeners
    expect(second?.from).toEqual(first?.from)
  })
})

describe('what does not go together', () => {
  const UNIX = 'listen: "unix:/d:8000"'
  const VSOCK = 'listen: vsock:ANY:8000'
  const IMDS = 'credentials: {source: imds}'
  it.each([
    ['neither to nor credentials', VSOCK, '2:13: listeners[0]: exactly one of to and credentials'],
    [
      'both',
      `${VSOCK}, ${TO_KMS}, ${IMDS}`,
      '2:13: listeners[0]: exactly one of to and credentials, not both',
    ],
    [
      'connectTimeout',
      `${VSOCK}, ${IMDS}, connectTimeout: 1s`,
      '2:67: listeners[0].connectTimeout: it goes with to',
    ],
    ['idleTimeout', `${VSOCK}, ${IMDS}, idleTimeout: 0`, '2:67: listeners[0].idleTimeout: it goes with to'],
    [
      'halfOpenTimeout',
      `${VSOCK}, ${IMDS}, halfOpenTimeout: 1s`,
      '2:67: listeners[0].halfOpenTimeout: it goes with to',
    ],
    ['dns', `${VSOCK}, ${IMDS}, dns: {ttl: 1}`, '2:67: listeners[0].dns: it goes with to'],
    ['cid on vsock', `cid: 16, ${VSOCK}, ${TO_KMS}`, '2:14: listeners[0].cid: on vsock the kernel says'],
    ['from without cid', `from: [16], ${UNIX}, ${TO_KMS}`, '2:14: listeners[0].from: needs cid'],
    [
      'maxConnectionsPerCid without cid',
      `maxConnectionsPerCid: 1, listen: "hybrid:/d/vm:1", ${TO_KMS}`,
      '2:14: listeners[0].maxConnectionsPerCid: needs cid',
    ],
    [
      'from without its own cid',
      `from: [17], cid: 16, ${UNIX}, ${TO_KMS}`,
      '2:20: listeners[0].from: cid 16',
    ],
    ['an empty from', `from: [], ${VSOCK}, ${TO_KMS}`, '2:20: listeners[0].from: it names no CID'],
  ])('refuses %s', (_, keys, line) => {
    expect(problems(withListener(keys))).toEqual([expect.stringContaining(`proxy.yaml:${line}`)])
  })

  it("needs to know every connection's CID to count by it", () => {
    const text = `${KMS}maxConnectionsPerCid: 5
listeners:
- {listen: "unix:/d:8000", to: "kms.test:443"}
- {listen: "unix:/d:8001", cid: 16, to: "kms.test:443"}
- {listen: "vsock:ANY:8001", to: "kms.test:443"}
`
    expect(problems(text)).toEqual([
      expect.stringContaining('proxy.yaml:4:12: listeners[0].listen: cid is missing'),
    ])
  })
})
