import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cli, temporaryFolder } from '../support/cli.js'
import { readJsonVector, readVector, withVectors } from '../support/vectors.js'

interface Case {
  file: string
  privateKeyPkcs8Base64: string | null
  plaintextHex: string | null
}

function pem(base64: string): string {
  const file = join(temporaryFolder(), 'key.pem')
  writeFileSync(
    file,
    `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
  )
  return file
}

function stranger(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return pem(privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'))
}

withVectors('nitro-enclave open-envelope, on replies of KMS', (vectors) => {
  const cases = readJsonVector<Case[]>(vectors, 'cms/cases.json')

  it.each(cases.filter((one) => one.privateKeyPkcs8Base64 !== null))('opens $file', async (one) => {
    const key = pem(one.privateKeyPkcs8Base64 ?? '')
    const file = join(vectors, 'cms', one.file)
    const hex = await cli(['open-envelope', '--key', key, file, '--hex'])
    expect(hex.code).toBe(0)
    expect(hex.stdout.toString('utf8')).toBe(`${one.plaintextHex}\n`)
    const input = Buffer.from(readVector(vectors, `cms/${one.file}`)).toString('base64')
    const raw = await cli(['open-envelope', '--key', key], { input })
    expect(raw.stdout.toString('hex')).toBe(one.plaintextHex)
  })

  it.each(cases)('does not open $file with another key', async (one) => {
    const result = await cli(['open-envelope', '--key', stranger(), join(vectors, 'cms', one.file)])
    expect(result.code).toBe(4)
    expect(result.stderr).toContain('ERR_ENVELOPE')
    expect(result.stdout).toHaveLength(0)
  })
})

describe('nitro-enclave open-envelope', () => {
  it('ends with 1 without a usable key', async () => {
    expect((await cli(['open-envelope', '--key', '/nonexistent'])).code).toBe(1)
    expect((await cli(['open-envelope', '--key', 'package.json'])).code).toBe(1)
    expect((await cli(['open-envelope'])).code).toBe(1)
  })

  it('ends with 4 on what is no envelope', async () => {
    const result = await cli(['open-envelope', '--key', stranger()], { input: 'hello' })
    expect(result.code).toBe(4)
    expect(result.stderr).toContain('ERR_ENVELOPE')
  })
})
