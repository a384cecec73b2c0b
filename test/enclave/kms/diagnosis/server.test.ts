import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'
import { wrongServer } from '../../../../enclave/kms/diagnosis/server.js'

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
  it.each([undefined, '', 'IP Address:127.0.0.1', 'DNS:\u001b[31m', 5])('may be none: %j', (text) => {
    expect(diagnosisFor(text)?.likely).toMatch(/the certificate is for other names\.$/)
  })
  it('tell the region where they are those of KMS', () => {
    expect(diagnosisFor('DNS:other.example, DNS:kms.eu-west-1.amazonaws.com')?.code).toBe('WRONG_REGION')
    expect(diagnosisFor('DNS:kms.us-east-1.amazonaws.com')?.code).toBe('WRONG_HOST')
  })
})
