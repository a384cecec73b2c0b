import { describe, expect, it } from 'vitest'
import { checkHost, kmsHost } from '../../../enclave/kms/endpoint.js'

const refused = expect.objectContaining({ name: 'UsageError', code: 'ERR_USAGE' })

describe('kmsHost', () => {
  it.each([
    ['eu-central-1', 'kms.eu-central-1.amazonaws.com'],
    ['ap-southeast-5', 'kms.ap-southeast-5.amazonaws.com'],
    ['us-gov-west-1', 'kms.us-gov-west-1.amazonaws.com'],
    ['cn-northwest-1', 'kms.cn-northwest-1.amazonaws.com.cn'],
    ['us-iso-east-1', 'kms.us-iso-east-1.c2s.ic.gov'],
    ['us-isob-east-1', 'kms.us-isob-east-1.sc2s.sgov.gov'],
    ['us-isof-south-1', 'kms.us-isof-south-1.csp.hci.ic.gov'],
    ['eu-isoe-west-1', 'kms.eu-isoe-west-1.cloud.adc-e.uk'],
    ['eusc-de-east-1', 'kms.eusc-de-east-1.amazonaws.eu'],
  ])('%s', (region, host) => {
    expect(kmsHost(region)).toBe(host)
    expect(kmsHost(region, { fips: false })).toBe(host)
    expect(kmsHost(region, { fips: true })).toBe(host.replace('kms.', 'kms-fips.'))
  })

  it.each([
    '',
    'eu-central',
    'eu-central-10',
    'EU-CENTRAL-1',
    'europe-central-1',
    'eu-central-1.evil.example',
    'eu-central-1@evil.example',
    'eu-central-1\n',
    'eu-central-1/x',
    'evil.example/#-a-1',
    ['eu-central-1'],
    undefined,
  ])('refuses %j', (region) => {
    expect(() => kmsHost(region as string)).toThrow(refused)
  })
})

describe('checkHost', () => {
  it.each(['kms.eu-west-1.amazonaws.com', 'a.b', 'xn--a.example', `${'a'.repeat(63)}.com`])(
    'takes %s',
    (host) => {
      expect(checkHost(host)).toBe(host)
    },
  )

  it.each([
    '',
    'localhost',
    '127.0.0.1',
    '::1',
    'KMS.example.com',
    'kms.example.com.',
    'kms.example.com:443',
    'kms.example.com/',
    'user@kms.example.com',
    '-kms.example.com',
    'kms-.example.com',
    'kms..example.com',
    'kms.example.com\n',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(127)}com`,
    ['kms.example.com'],
    undefined,
  ])('refuses %j', (host) => {
    expect(() => checkHost(host as string)).toThrow(refused)
  })
})
