import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { buildArguments } from '../../reference-image/arguments.js'
import { refusal } from '../support/errors.js'

const dockerfile = readFileSync('Dockerfile.enclave', 'utf8')

describe("an image's build arguments", () => {
  it('are given by value, or by name from the environment', () => {
    const environment = { TLS_ROOTS: 'line\nline', REGION: 'eu-west-1' }
    const given = ['REGION=us-east-2', 'TLS_ROOTS', 'KMS_HOST=', 'CREDENTIALS_PORT=8001']
    expect(buildArguments(given, dockerfile, environment)).toEqual({
      REGION: 'us-east-2',
      TLS_ROOTS: 'line\nline',
      KMS_HOST: '',
      CREDENTIALS_PORT: '8001',
    })
  })

  it('may hold line breaks and equals signs', () => {
    expect(buildArguments(['TLS_ROOTS=a\nb=c'], dockerfile, {})).toEqual({ TLS_ROOTS: 'a\nb=c' })
  })

  it.each(['REGIN=eu-west-1', 'region=eu-west-1', '=x', '', '--arg'])(
    'are refused when Dockerfile.enclave does not know them: %j',
    async (argument) => {
      const error = await refusal(() => buildArguments([argument], dockerfile, {}))
      expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('REGION') })
    },
  )

  it('are refused when the environment has no value for them', async () => {
    expect(await refusal(() => buildArguments(['TLS_ROOTS'], dockerfile, {}))).toMatchObject({
      message: expect.stringContaining('TLS_ROOTS has no value'),
    })
  })
})
