import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { serviceStateIn } from '../../../simulator/kms/service-state.js'

const DAY = 86_400_000
const NOW = new Date('2026-01-01T00:00:00Z')

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nitro-enclave-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

it('is made once, and then stays', async () => {
  const directory = folder()
  const made = await serviceStateIn(directory, 'eu-west-1', NOW)
  expect(made.region).toBe('eu-west-1')
  expect(await serviceStateIn(directory, 'us-east-1', NOW)).toEqual(made)
})

it('gets another TLS authority before its own ends, and keeps the rest', async () => {
  const directory = folder()
  const made = await serviceStateIn(directory, 'eu-west-1', NOW)
  const after = (days: number) => serviceStateIn(directory, 'eu-west-1', new Date(NOW.getTime() + days * DAY))
  expect(await after(3_000)).toEqual(made)
  const renewed = await after(3_300)
  expect(renewed.credentials).toEqual(made.credentials)
  expect(renewed.tls.ca).not.toBe(made.tls.ca)
  expect(await after(3_301)).toEqual(renewed)
})

it('that has the key of another TLS authority is refused', async () => {
  const directory = folder()
  const file = join(directory, 'service.json')
  const made = await serviceStateIn(directory, 'us-east-1', NOW)
  const other = await serviceStateIn(folder(), 'us-east-1', NOW)
  for (const caKey of [other.tls.caKey, 'none']) {
    writeFileSync(file, JSON.stringify({ ...made, tls: { ...made.tls, caKey } }))
    await expect(serviceStateIn(directory, 'us-east-1', NOW)).rejects.toThrow(/tls/)
  }
})

it.each([
  ['no object', 'null', /the whole/],
  ['another version', '{"version":2}', /version/],
  ['no credentials', '{"version":1,"region":"us-east-1"}', /credentials/],
])('that has %s is refused by its name, and stays', async (_, text, member) => {
  const directory = folder()
  const file = join(directory, 'service.json')
  writeFileSync(file, text)
  const refused = serviceStateIn(directory, 'us-east-1', NOW)
  await expect(refused).rejects.toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining(file) })
  await expect(refused).rejects.toThrow(member)
  expect(readFileSync(file, 'utf8')).toBe(text)
})
