import { describe, expect, it } from 'vitest'
import { listener, problems, TO_KMS, withListener } from './support.js'

describe('values', () => {
  const at = (key: string, value: string) =>
    withListener(`listen: vsock:ANY:8000, ${TO_KMS}, ${key}: ${value}`)
  it.each([
    ['queue', ['-1', '1.5', '"1"', 'true', '2147483648', '.inf', '.nan', 'null', '[1]', '{}']],
    ['maxConnections', ['0', '2147483648']],
    ['maxConnectionsPerCid', ['0']],
    ['backlog', ['0']],
    ['connectTimeout', ['0', '-1', '1.5s', '10 s', 's', '1d', '597h', '"10"', '0s', '2147483648', 'true']],
    ['idleTimeout', ['-1', '"-1s"']],
    ['halfOpenTimeout', ['0', '0s', '-1']],
    ['dns', ['{ttl: -1}', '{ttl: 597h}', '{prefer: ipv5}', '[]']],
    ['from', ['[4294967295]', '[-1]', '16', '["16"]']],
  ])('%s refuses what is none', (key, values) => {
    for (const value of values) {
      expect(problems(at(key, value)), value).toEqual([expect.stringContaining(`listeners[0].${key}`)])
    }
  })

  it.each([
    ['0', 0],
    ['"0"', 0],
    ['250ms', 250],
    ['1500', 1500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['2147483647', 2_147_483_647],
  ])('%s is a time', (text, idleTimeout) => {
    expect(listener(`listen: vsock:ANY:8000, ${TO_KMS}, idleTimeout: ${text}`)).toMatchObject({ idleTimeout })
  })

  it('take a number for seconds in sessionPolicy.duration, as AWS does', () => {
    const policy = 'roleArn: "arn:aws:iam::123456789012:role/r", actions: [kms:Decrypt], region: us-east-1'
    const credentials = `credentials: {source: imds, sessionPolicy: {${policy}, duration: 900}}`
    expect(listener(`listen: vsock:ANY:8000, ${credentials}`)).toMatchObject({
      credentials: { sessionPolicy: { duration: 900_000 } },
    })
  })

  it('take a number for seconds in dns.ttl, as DNS does, and for milliseconds elsewhere', () => {
    const times = 'connectTimeout: 5, dns: {ttl: 5}'
    expect(listener(`listen: vsock:ANY:8000, ${TO_KMS}, ${times}`)).toMatchObject({
      connectTimeout: 5,
      dns: { ttl: 5000 },
    })
  })
})
