import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fileSource } from '../../../parent-proxy/credentials/file.js'
import { writeCredentials } from '../../../shared/credentials/container-shape.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { expectNothingPlanted, ROLE, ROLE_JSON } from './support.js'

const { signal } = new AbortController()

const startFile = (text?: string) => {
  const path = join(temporaryFolder(), 'credentials.json')
  if (text !== undefined) writeFileSync(path, text)
  return { path, source: fileSource(path) }
}

it('gives what the file holds', async () => {
  const { source } = startFile(ROLE_JSON)
  expect(await source.fetch(signal)).toEqual(ROLE)
})

it('takes keys that need no token and never expire', async () => {
  const { source } = startFile('{"AccessKeyId": "AKIA", "SecretAccessKey": "secret"}\n')
  expect(await source.fetch(signal)).toEqual({ accessKeyId: 'AKIA', secretAccessKey: 'secret' })
})

it('notices that the file was written, replaced or removed', async () => {
  const { path, source } = startFile(ROLE_JSON)
  await source.fetch(signal)
  expect(await source.changed?.()).toBe(false)

  writeFileSync(path, `${ROLE_JSON}\n`)
  expect(await source.changed?.()).toBe(true)
  await source.fetch(signal)
  expect(await source.changed?.()).toBe(false)

  writeFileSync(`${path}.new`, writeCredentials({ ...ROLE, accessKeyId: 'ASIAOTHER' }))
  renameSync(`${path}.new`, path)
  expect(await source.changed?.()).toBe(true)
  expect(await source.fetch(signal)).toMatchObject({ accessKeyId: 'ASIAOTHER' })

  renameSync(path, `${path}.away`)
  expect(await source.changed?.()).toBe(true)
  await refusal(() => source.fetch(signal))
  // It is tried again in its time, not by every caller.
  expect(await source.changed?.()).toBe(false)
})

it.each([
  ['is missing', undefined, /cannot be read \(ENOENT\)/],
  ['is empty', '', /not JSON/],
  ['is half written', ROLE_JSON.slice(0, 60), /not JSON/],
  ['holds something else', '["planted"]', /the answer is not as it must be/],
  ['holds half', '{"AccessKeyId": "ASIAPLANTED"}', /SecretAccessKey is not as it must be/],
  [
    'names the token as other tools do',
    ROLE_JSON.replace('"Token"', '"SessionToken"'),
    /must be named Token/,
  ],
  ['is too long', ROLE_JSON + ' '.repeat(64 * 1024), /more than 65536 bytes/],
])('refuses a file that %s, naming it and nothing in it', async (_, text, words) => {
  const { path, source } = startFile(text)
  const error = await refusal(() => source.fetch(signal))
  expect(error).toMatchObject({ code: 'ERR_CREDENTIALS', message: expect.stringMatching(words) })
  expect(error.message).toContain(path)
  expectNothingPlanted(error)
})

it('refuses what is no file at once: a folder, a pipe, a device without end', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'folder'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  for (const path of [join(folder, 'folder'), join(folder, 'pipe'), '/dev/zero']) {
    const error = await refusal(() => fileSource(path).fetch(signal))
    expect(error).toMatchObject({ code: 'ERR_CREDENTIALS', message: `${path} is no regular file` })
  }
})
