import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createKmsClient } from '../../../enclave/kms/client.js'
import { fromEnvironment, regionFromEnvironment } from '../../../enclave/kms/environment.js'
import { refusal } from '../../support/errors.js'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' }

describe('the region', () => {
  const created = async (region?: string) => {
    const client = createKmsClient({ credentials, ...(region !== undefined && { region }) })
    onTestFinished(() => client.destroy())
    const endpoint = await client.config.endpoint?.()
    return [await client.config.region(), endpoint?.hostname]
  }
  const set = (variables: Record<string, string>) => {
    for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION']) vi.stubEnv(name, variables[name])
    onTestFinished(() => void vi.unstubAllEnvs())
  }

  it('is the option, whatever the environment says', async () => {
    set({ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' })
    expect(await created('eu-central-1')).toEqual(['eu-central-1', 'kms.eu-central-1.amazonaws.com'])
  })

  it('is AWS_REGION, else AWS_DEFAULT_REGION', async () => {
    set({ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' })
    expect(await created()).toEqual(['eu-west-1', 'kms.eu-west-1.amazonaws.com'])
    set({ AWS_REGION: '', AWS_DEFAULT_REGION: 'eu-west-2' })
    expect(await created()).toEqual(['eu-west-2', 'kms.eu-west-2.amazonaws.com'])
  })

  it('is missing where none of the three is given, which is said', async () => {
    set({})
    expect(await refusal(created)).toMatchObject({
      code: 'ERR_USAGE',
      message: 'region: not given, and neither AWS_REGION nor AWS_DEFAULT_REGION is set',
    })
  })

  it.each(['AWS_REGION', 'AWS_DEFAULT_REGION'])(
    'that %s says wrongly is refused by its name alone',
    async (name) => {
      const error = await refusal(() => regionFromEnvironment({ [name]: 'planted.example/' }))
      expect(error).toMatchObject({
        code: 'ERR_USAGE',
        message: `${name}: region: not the name of an AWS region`,
      })
      expect(inspect(error)).not.toContain('planted')
    },
  )
})

describe('credentials of the environment', () => {
  const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG' }
  const given = (variables: Record<string, string>, now?: number) =>
    fromEnvironment({ environment: variables, ...(now !== undefined && { now: () => now }) })()

  it('are a key id and a secret', async () => {
    const empty = { AWS_SESSION_TOKEN: '', AWS_CREDENTIAL_EXPIRATION: '' }
    expect(await given({ ...KEYS, ...empty, AWS_PROFILE: 'other' })).toEqual({
      accessKeyId: 'AKIAEXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG',
    })
  })

  it('may be temporary', async () => {
    const variables = {
      AWS_SESSION_TOKEN: 'token+/=',
      AWS_CREDENTIAL_EXPIRATION: '2026-01-01T00:00:00+01:00',
    }
    expect(await given({ ...KEYS, ...variables }, 0)).toEqual({
      accessKeyId: 'AKIAEXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG',
      sessionToken: 'token+/=',
      expiration: new Date('2025-12-31T23:00:00Z'),
    })
  })

  it('are those of the process, read at each call', async () => {
    onTestFinished(() => void vi.unstubAllEnvs())
    const provider = fromEnvironment()
    for (const accessKeyId of ['AKIAONE', 'AKIATWO']) {
      vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId)
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
      expect(await provider()).toMatchObject({ accessKeyId })
    }
  })

  it.each([
    ['AWS_ACCESS_KEY_ID', undefined],
    ['AWS_ACCESS_KEY_ID', ''],
    ['AWS_SECRET_ACCESS_KEY', undefined],
    ['AWS_ACCESS_KEY_ID', 'planted key'],
    ['AWS_SECRET_ACCESS_KEY', 'planted\nsecret'],
    ['AWS_SESSION_TOKEN', 'planted token'],
    ['AWS_CREDENTIAL_EXPIRATION', 'planted tomorrow'],
    ['AWS_CREDENTIAL_EXPIRATION', '1999-12-31T23:59:59Z'],
  ])('are refused for %s %j, by its name alone', async (name, value) => {
    const variables = { ...KEYS, AWS_SESSION_TOKEN: 'planted', [name]: value } as Record<string, string>
    const error = await refusal(() => given(variables))
    const words = new RegExp(`^the environment gave no credentials: ${name} `)
    expect(error).toMatchObject({ code: 'ERR_CREDENTIALS', message: expect.stringMatching(words) })
    if (!value) expect(error.message).toMatch(/ is not set$/)
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/planted|1999|wJalr/)
  })

  it('are no more when they have expired', async () => {
    const expiring = { ...KEYS, AWS_CREDENTIAL_EXPIRATION: '2026-01-01T00:00:00Z' }
    const end = Date.UTC(2026, 0, 1)
    expect(await given(expiring, end - 1)).toMatchObject({ accessKeyId: 'AKIAEXAMPLE' })
    expect(await refusal(() => given(expiring, end))).toMatchObject({ code: 'ERR_CREDENTIALS' })
  })
})
