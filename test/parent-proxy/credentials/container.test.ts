import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { containerSource } from '../../../parent-proxy/credentials/container.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { environment, expectNothingPlanted, type Reply, ROLE, ROLE_JSON, startService } from './support.js'

const { signal } = new AbortController()
const fetched = () => containerSource().fetch(signal)

const startEndpoint = async (
  reply: () => Reply = () => [200, ROLE_JSON],
  variables: Readonly<Record<string, string>> = {},
) => {
  const service = await startService(reply)
  environment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.url}/v2/id`, ...variables })
  return service
}

it("gives the task's credentials, asked for with the token of its environment", async () => {
  const { seen } = await startEndpoint(undefined, { AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic xyz' })
  expect(await fetched()).toEqual(ROLE)
  expect(seen).toMatchObject([{ method: 'GET', path: '/v2/id', headers: { authorization: 'Basic xyz' } }])
})

it('reads the token of a file each time', async () => {
  const file = join(temporaryFolder(), 'token')
  const { seen } = await startEndpoint(undefined, { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file })
  const source = containerSource()
  for (const token of ['one', 'two']) {
    writeFileSync(file, token)
    await source.fetch(signal)
  }
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(['one', 'two'])
})

it('says which variables are missing', async () => {
  environment({})
  expect(await refusal(fetched)).toMatchObject({
    code: 'ERR_CREDENTIALS',
    message: expect.stringContaining('AWS_CONTAINER_CREDENTIALS_FULL_URI is set; on EC2 the source is imds'),
  })
})

it.each([
  ['an endpoint of another host without TLS', 'http://192.0.2.1/', /by HTTPS unless/],
  ['an address that is none', 'planted', /it must answer with AccessKeyId/],
  ['an endpoint where nobody is', 'http://127.0.0.1:1/', /ECONNREFUSED/],
])('is refused by %s', async (_, url, words) => {
  environment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url })
  const error = await refusal(fetched)
  expect(error).toMatchObject({ code: 'ERR_CREDENTIALS', message: expect.stringMatching(words) })
  expectNothingPlanted(error)
})

it.each<[string, Reply, RegExp]>([
  ['a refusal', [403, '{"Code":"planted","Message":"planted"}'], /status: 403/],
  ['no JSON', [200, 'planted'], /it must answer with AccessKeyId/],
  ['a token that fits into no header', [200, ROLE_JSON.replace('planted//', 'planted\\n')], /Token is not/],
])('shows nothing of an answer that is %s', async (_, reply, words) => {
  await startEndpoint(() => reply)
  const error = await refusal(fetched)
  expect(error).toMatchObject({ code: 'ERR_CREDENTIALS', message: expect.stringMatching(words) })
  expectNothingPlanted(error)
})

it('begins no more requests when four have been left without an answer', async () => {
  const { seen } = await startEndpoint(() => undefined)
  const source = containerSource()
  for (let count = 0; count < 4; count++) void source.fetch(signal).catch(() => undefined)
  await vi.waitFor(() => expect(seen).toHaveLength(4), 10_000)
  expect(await refusal(() => source.fetch(signal))).toMatchObject({
    message: 'the container credentials endpoint has left 4 requests without an answer',
  })
  expect(seen).toHaveLength(4)
})
