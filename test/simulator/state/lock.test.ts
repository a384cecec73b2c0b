import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { UsageError } from '../../../shared/errors.js'
import { lockFile } from '../../../simulator/state/lock.js'
import { temporaryFolder } from '../../support/cli.js'

const CHILD = fileURLToPath(new URL('lock-child.ts', import.meta.url))
const inFolder = () => join(temporaryFolder(), 'kms.lock')

/** A process that asked for the lock, and what came of it. */
async function contender(path: string) {
  const child = fork(CHILD, [path], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [answer] = (await once(child, 'message')) as [string]
  return { child, answer }
}

it('is held by one at a time', async () => {
  const path = inFolder()
  const lock = await lockFile(path)
  const error = await lockFile(path).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(UsageError)
  expect(error).toMatchObject({ code: 'ERR_USAGE' })
  expect(String(error)).toContain(join(path, '..'))
  expect(String(error)).toContain(`process ${process.pid} on`)
  await lock.release()
  await lock.release()
  await (await lockFile(path)).release()
  expect(readdirSync(join(path, '..'))).toEqual([])
})

it('is not the lock of another name', async () => {
  const path = inFolder()
  const locks = [await lockFile(path), await lockFile(path.replace('kms', 'nsm'))]
  await Promise.all(locks.map((lock) => lock.release()))
})

it('is refused to another process until its holder is killed', async () => {
  const path = inFolder()
  const first = await contender(path)
  expect(first.answer).toBe('held')
  expect((await contender(path)).answer).toContain(`process ${first.child.pid} on`)
  await expect(lockFile(path)).rejects.toThrow(UsageError)
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  expect(readdirSync(join(path, '..')).length).toBe(1)
  const lock = await lockFile(path)
  expect(readdirSync(join(path, '..'))).toEqual([expect.stringContaining(`-${process.pid}-`)])
  await lock.release()
})

it('stays with a holder that is stopped', async () => {
  const path = inFolder()
  const { child } = await contender(path)
  child.kill('SIGSTOP')
  await expect(lockFile(path)).rejects.toThrow(`process ${child.pid} on`)
})

it('does not keep its process alive', async () => {
  const { child } = await contender(inFolder())
  child.disconnect()
  expect(await once(child, 'exit')).toEqual([0, null])
})

it('is never held by two of many that want it at once', async () => {
  const path = inFolder()
  let holders = 0
  let most = 0
  let successes = 0
  const contend = async () => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const lock = await lockFile(path).catch(() => undefined)
      if (lock === undefined) continue
      most = Math.max(most, ++holders)
      successes++
      await delay(1)
      holders--
      await lock.release()
    }
  }
  await Promise.all(Array.from({ length: 4 }, contend))
  expect(most).toBe(1)
  expect(successes).toBeGreaterThan(0)
})

it('passes over what is no lock', async () => {
  const path = inFolder()
  writeFileSync(`${path}.notes`, 'mine')
  mkdirSync(`${path}.folder`)
  const lock = await lockFile(path)
  await lock.release()
  expect(readdirSync(join(path, '..')).sort()).toEqual(['kms.lock.folder', 'kms.lock.notes'])
})

it('can be in a folder whose path is too long for sockets', async () => {
  const folder = join(temporaryFolder(), 'x'.repeat(120))
  mkdirSync(folder)
  const lock = await lockFile(join(folder, 'kms.lock'))
  await expect(lockFile(join(folder, 'kms.lock'))).rejects.toThrow('is in use by')
  await lock.release()
})

it('says why there can be none', async () => {
  const path = join(temporaryFolder(), 'absent', 'kms.lock')
  await expect(lockFile(path)).rejects.toThrow(
    expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining(`${path} (ENOENT)`) }),
  )
})
