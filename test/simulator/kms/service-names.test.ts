import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { isLoopback, reachable, serviceNames } from '../../../simulator/kms/service-names.js'

const LOOPBACK = ['kms.eu-west-1.amazonaws.com', 'localhost', '127.0.0.1', '::1']

describe('the names of a KMS on this machine', () => {
  it("are the region's, loopback's, and the address that it listens on", () => {
    expect(serviceNames('eu-west-1', '127.0.0.1')).toEqual(LOOPBACK)
    expect(serviceNames('eu-west-1', '192.0.2.1', ['KMS.test', 'localhost'])).toEqual([
      ...LOOPBACK,
      '192.0.2.1',
      'kms.test',
    ])
  })

  it.each(['0.0.0.0', '::'])('are all addresses of the machine where it listens on %s', (address) => {
    const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all.map((one) => one.address))
    const names = serviceNames('eu-west-1', address)
    expect(names).toEqual(expect.arrayContaining(addresses))
    expect(names).not.toContain(address)
  })

  it('stand in a URL', () => {
    expect(['192.0.2.1', '0.0.0.0', '::', '2001:db8::1'].map(reachable)).toEqual([
      '192.0.2.1',
      '127.0.0.1',
      '[::1]',
      '[2001:db8::1]',
    ])
  })

  it('are of this machine alone, or not', () => {
    expect(['127.0.0.1', '127.0.0.2', '::1'].map(isLoopback)).toEqual([true, true, true])
    expect(['0.0.0.0', '::', '192.0.2.1', '1270.0.0.1'].map(isLoopback)).toEqual([false, false, false, false])
  })
})
