import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { OperationError, UsageError } from '../../../shared/errors.js'
import { readJsonFile, writeJsonFile } from '../../../simulator/state/atomic-file.js'
import { temporaryFolder } from '../../support/cli.js'

const inFolder = () => join(temporaryFolder(), 'state.json')

it('reads what was written', async () => {
  const path = inFolder()
  const value = { text: 'ünï', list: [1, null, { a: true }] }
  await writeJsonFile(path, value)
  expect(await readJsonFile(path)).toEqual(value)
})

it('finds nothing where there is no file', async () => {
  expect(await readJsonFile(inFolder())).toBeUndefined()
})

it('leaves one file, for its owner only, whatever stood there', async () => {
  const path = inFolder()
  writeFileSync(path, '{}', { mode: 0o644 })
  chmodSync(path, 0o644)
  await writeJsonFile(path, { secret: 1 })
  expect(readdirSync(join(path, '..'))).toEqual(['state.json'])
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

it('does not write through a link', async () => {
  const path = inFolder()
  const target = join(path, '..', 'target')
  writeFileSync(target, 'untouched')
  symlinkSync(target, path)
  await writeJsonFile(path, 1)
  expect(readFileSync(target, 'utf8')).toBe('untouched')
  expect(await readJsonFile(path)).toBe(1)
})

it('leaves one whole value of several writers', async () => {
  const path = inFolder()
  const values = Array.from({ length: 10 }, (_, n) => String(n).repeat(100_000))
  await Promise.all(values.map((value) => writeJsonFile(path, value)))
  expect(values).toContain(await readJsonFile(path))
  expect(readdirSync(join(path, '..'))).toEqual(['state.json'])
})

it('removes what a killed writer left long ago, and nothing else', async () => {
  const path = inFolder()
  const beside = (name: string) => join(path, '..', name)
  const names = [
    '.state.json.0123456789ab.tmp',
    '.other.json.0123456789ab.tmp',
    '.state.json.ba9876543210.tmp',
  ]
  for (const name of names) writeFileSync(beside(name), 'half a fi')
  for (const name of names.slice(0, 2)) utimesSync(beside(name), 1_000_000_000, 1_000_000_000)
  await writeJsonFile(path, {})
  expect(readdirSync(join(path, '..')).sort()).toEqual([names[1], names[2], 'state.json'].sort())
})

it.each([
  ['is not JSON', (path: string) => writeFileSync(path, '{"secret":"hunter2"'), 'is not JSON'],
  ['is empty', (path: string) => writeFileSync(path, ''), 'is not JSON'],
  ['is a folder', (path: string) => mkdirSync(path), 'not a regular file'],
])('refuses a file that %s, names it, and says nothing of its content', async (_, prepare, message) => {
  const path = inFolder()
  prepare(path)
  const error = await readJsonFile(path).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(UsageError)
  expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining(path) })
  expect(String(error)).toContain(message)
  expect(JSON.stringify([error, String(error)])).not.toContain('hunter2')
})

it('writes nothing that it would not read again', async () => {
  const path = inFolder()
  await writeJsonFile(path, 'small')
  const large = 'x'.repeat(64 * 1024 * 1024)
  await expect(writeJsonFile(path, large)).rejects.toThrow(expect.objectContaining({ code: 'ERR_SIMULATOR' }))
  expect(await readJsonFile(path)).toBe('small')
  writeFileSync(path, `"${large}"`)
  await expect(readJsonFile(path)).rejects.toThrow(`${path} has more than`)
})

it('names a file that cannot be written, and leaves nothing behind', async () => {
  const path = inFolder()
  mkdirSync(path)
  const error = await writeJsonFile(path, {}).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(OperationError)
  expect(error).toMatchObject({ code: 'ERR_SIMULATOR', message: expect.stringContaining(path) })
  expect(readdirSync(join(path, '..'))).toEqual(['state.json'])
})
