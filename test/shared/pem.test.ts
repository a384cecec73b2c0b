import { describe, expect, it } from 'vitest'
import { besideCertificates, certificateBlocks } from '../../shared/pem.js'

const block = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`
const [one, two] = [block('AAAA'), block('BBBB')]
const key = '-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----'

describe('certificates in PEM', () => {
  it('are found in their order, between other text', () => {
    expect(certificateBlocks(`# roots\n${one}\n${key}\n${two}\n`)).toEqual([one, two])
  })

  it('are whole, or none', () => {
    expect(certificateBlocks(`${one.slice(0, -5)}\n`)).toEqual([])
    expect(certificateBlocks('')).toEqual([])
  })

  it('leave what stands beside them', () => {
    expect(besideCertificates(`\n${one}\n\n${two}\n`)).toBe('')
    expect(besideCertificates(`${one}\n${key}`)).toBe(key)
  })
})
