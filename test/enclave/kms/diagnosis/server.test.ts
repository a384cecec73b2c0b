import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'
import { unauthenticated, wrongScope, wrongServer } from '../../../../enclave/kms/diagnosis/server.js'

/** Of whoever answers with a certificate for these names. */
const diagnosisFor = (subjectaltname: unknown) =>
  wrongServer({
    symptom: 'ERR_KMS_TLS',
    cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID', cert: { subjectaltname } },
    client: { region: 'us-east-1', host: 'kms.us-east-1.amazonaws.com', expectedPcrs: undefined },
  } as unknown as Failure)

describe('the names of a certificate that anybody may have made', () => {
  it('are shown as far as they are names, three at most', () => {
    const names = ['a.example\u001b[31m', '"b.example"', 'c.example', '*.d.example', 'e.example', 'f.example']
    const { code, likely } = diagnosisFor(names.map((name) => `DNS:${name}`).join(', ')) ?? {}
    expect(code).toBe('WRONG_HOST')
    expect(likely).toMatch(/the certificate is for c\.example, \*\.d\.example, e\.example\.$/)
  })
  it('may be of one letter', () => {
    expect(diagnosisFor('DNS:a')?.likely).toMatch(/the certificate is for a\.$/)
  })
  it.each([
    undefined,
    '',
    'IP Address:127.0.0.1',
    'DNS:\u001b[31m',
    'URI:DNS:a.example',
    'DNS:a.example\nb.example',
    5,
  ])('may be none: %j', (text) => {
    expect(diagnosisFor(text)?.likely).toMatch(/the certificate is for other names\.$/)
  })
  it('tell the region where they are those of KMS', () => {
    expect(diagnosisFor('DNS:other.example, DNS:kms.eu-west-1.amazonaws.com')?.code).toBe('WRONG_REGION')
    expect(diagnosisFor('DNS:kms-fips.us-gov-west-1.amazonaws.com')?.likely).toContain(
      'KMS in us-gov-west-1.',
    )
    expect(diagnosisFor('DNS:kms.us-east-1.amazonaws.com')?.code).toBe('WRONG_HOST')
    expect(diagnosisFor('DNS:kms.eu-west-1.amazonaws.c0m')?.code).toBe('WRONG_HOST')
  })
})

describe('somebody who cannot be authenticated', () => {
  const known = { client: { region: 'us-east-1', host: 'kms.us-east-1.amazonaws.com' } }
  const codeOf = (failure: object) => {
    const all = { ...known, ...failure } as unknown as Failure
    return (wrongServer(all) ?? wrongScope(all) ?? unauthenticated(all))?.code
  }
  it.each([
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'WRONG_HOST'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNTRUSTED_CERTIFICATE'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'UNTRUSTED_CERTIFICATE'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'UNTRUSTED_CERTIFICATE'],
    ['CERT_SIGNATURE_FAILURE', 'UNTRUSTED_CERTIFICATE'],
    ['INVALID_CA', 'UNTRUSTED_CERTIFICATE'],
    ['NO_SELF_SIGNED_CERT', undefined],
    ['EPROTO', 'NOT_TLS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'NOT_TLS'],
    ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'NOT_TLS'],
    ['NO_EPROTO', undefined],
    ['EPROTOTYPE', undefined],
    [undefined, undefined],
  ])('by TLS: %s', (code, expected) => {
    expect(codeOf({ symptom: 'ERR_KMS_TLS', cause: code && { code } })).toBe(expected)
    expect(codeOf({ symptom: 'ERR_KMS_CONNECTION', cause: code && { code } })).toBeUndefined()
  })
  it.each([
    ['InvalidSignatureException', 'Credential should be scoped to a valid region.', 'WRONG_REGION'],
    ['InvalidSignatureException', 'Signature expired', undefined],
    ['AccessDeniedException', 'Credential should be scoped to a valid region.', undefined],
  ])('by its signature: %s, %s', (symptom, message, expected) => {
    expect(codeOf({ symptom, message })).toBe(expected)
  })
})
