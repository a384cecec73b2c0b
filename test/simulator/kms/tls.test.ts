import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { createTlsAuthority, issueServerCertificate } from '../../../simulator/kms/tls.js'
import { withOpenSsl } from '../../support/openssl.js'

const NAMES = ['kms.us-east-1.amazonaws.com', 'localhost', '127.0.0.1', '::1']
const DAY = 86_400_000

it('bears every name, as a host name or as an IP address', async () => {
  const authority = await createTlsAuthority(new Date(), 30)
  const { cert } = await issueServerCertificate(authority, NAMES, new Date(), 10)
  const certificate = new X509Certificate(cert)
  expect(certificate.subjectAltName).toBe(
    'DNS:kms.us-east-1.amazonaws.com, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
  expect(certificate.checkIssued(new X509Certificate(authority.ca))).toBe(true)
})

it('does not outlive its authority', async () => {
  const now = new Date('2026-01-01T00:00:00Z')
  const authority = await createTlsAuthority(now, 30)
  const end = async (life: number) => {
    const { cert } = await issueServerCertificate(authority, NAMES, now, life)
    return Date.parse(new X509Certificate(cert).validTo) - now.getTime()
  }
  expect(await end(10)).toBe(10 * DAY)
  expect(await end(397)).toBe(30 * DAY)
})

withOpenSsl('openssl verify -x509_strict, as Python 3.13 does', (openssl) => {
  it.each(NAMES)('takes the certificate for %s', async (name) => {
    const authority = await createTlsAuthority(new Date(), 30)
    const { cert } = await issueServerCertificate(authority, NAMES, new Date(), 10)
    const by = /^[\d.:]+$/.test(name) ? '-verify_ip' : '-verify_hostname'
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', by, name, '-CAfile', '{ca}', '{cert}']
    expect(openssl.text(args, { ca: authority.ca, cert })).toMatch(/: OK\n$/)
  })
})
