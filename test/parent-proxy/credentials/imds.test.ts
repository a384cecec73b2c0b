import { expect, it, onTestFinished, vi } from 'vitest'
import { imdsSource } from '../../../parent-proxy/credentials/imds.js'
import { writeCredentials } from '../../../shared/credentials/container-shape.js'
import { refusal } from '../../support/errors.js'
import { environment, expectNothingPlanted, HOUR, planted, ROLE, ROLE_JSON, startImds } from './support.js'

const { signal } = new AbortController()
const fetched = () => imdsSource().fetch(signal)

it("gives the role's credentials, asked for within a session", async () => {
  const { seen } = await startImds()
  expect(await fetched()).toEqual(ROLE)
  expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'PUT /latest/api/token',
    'GET /latest/meta-data/iam/security-credentials/',
    'GET /latest/meta-data/iam/security-credentials/parent-role',
  ])
})

it.each([403, 500])('asks for nothing without a session token (HTTP %s)', async (status) => {
  const { seen } = await startImds(undefined, () => [status, ''])
  expect(await refusal(fetched)).toMatchObject({
    code: 'ERR_CREDENTIALS',
    message: expect.stringContaining('allow IMDSv2'),
  })
  expect(new Set(seen.map(({ method }) => method))).toEqual(new Set(['PUT']))
})

it('asks for a session token again after a refusal', async () => {
  let status = 403
  await startImds(undefined, () => [status, 'token'])
  const source = imdsSource()
  await refusal(() => source.fetch(signal))
  status = 200
  expect(await source.fetch(signal)).toEqual(ROLE)
})

it('says that an instance has no role, at the first attempt', async () => {
  const { seen } = await startImds(() => [404, ''])
  expect(await refusal(fetched)).toMatchObject({
    message: expect.stringContaining('attach an instance profile'),
  })
  expect(seen.filter(({ method }) => method === 'PUT')).toHaveLength(1)
})

it('tries again when the service stumbles', async () => {
  let attempts = 0
  await startImds(() => (++attempts === 1 ? [500, ''] : [200, ROLE_JSON]))
  expect(await fetched()).toEqual(ROLE)
})

it('gives expired credentials with their own expiration, not a later one', async () => {
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  onTestFinished(() => warned.mockRestore())
  const expired = planted(-HOUR)
  let reply = ROLE_JSON
  await startImds(() => [200, reply])
  const source = imdsSource()
  await source.fetch(signal)
  reply = writeCredentials(expired)
  expect(await source.fetch(signal)).toEqual(expired)
  expect(warned).not.toHaveBeenCalled()
})

it('gives nothing, not the last credentials, when the service fails', async () => {
  let status = 200
  await startImds(() => [status, ROLE_JSON])
  const source = imdsSource()
  await source.fetch(signal)
  status = 500
  expect(await refusal(() => source.fetch(signal))).toMatchObject({
    message: 'the instance metadata service gave no credentials ("ProviderError", HTTP 500)',
  })
})

it('gives up on a service that is silent', async () => {
  await startImds(undefined, () => undefined)
  expect(await refusal(fetched)).toMatchObject({ code: 'ERR_CREDENTIALS' })
})

it('gives up where there is no service', async () => {
  environment({ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' })
  expect(await refusal(fetched)).toMatchObject({ code: 'ERR_CREDENTIALS' })
})

it('says that an answer is no JSON', async () => {
  await startImds(() => [200, 'welcome to the portal'])
  expect(await refusal(fetched)).toMatchObject({
    message: 'the instance metadata service gave no credentials (not JSON)',
  })
})

it.each([
  ['cut short', ROLE_JSON.slice(0, -9)],
  ['of another kind', JSON.stringify({ Code: 'Failed', Message: ROLE.secretAccessKey })],
  ['with a date that is none', ROLE_JSON.replace(/"Expiration":"[^"]*"/, '"Expiration":"planted"')],
  ['with a token that fits into no header', ROLE_JSON.replace('planted//', 'planted\\n')],
])('shows nothing of an answer %s', async (_, answer) => {
  await startImds(() => [200, answer])
  const error = await refusal(fetched)
  expect(error).toMatchObject({ code: 'ERR_CREDENTIALS' })
  expectNothingPlanted(error)
})
