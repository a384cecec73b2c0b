import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { lockFile } from '../../../simulator/state/lock.js'
import { whileLocked } from '../../../simulator/state/while-locked.js'
import { temporaryFolder } from '../../support/cli.js'
import { code } from '../../support/errors.js'

it('waits for somebody who holds the lock for a while', async () => {
  const path = join(temporaryFolder(), 'x.lock')
  const lock = await lockFile(path)
  const order: string[] = []
  const second = whileLocked(path, async () => order.push('second'))
  await sleep(1_500)
  order.push('first')
  await lock.release()
  await second
  expect(order).toEqual(['first', 'second'])
})

it('gives the lock back, whatever comes of the work', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'x.lock')
  expect(await whileLocked(path, async () => 7)).toBe(7)
  const failure = new Error('no')
  await expect(whileLocked(path, () => Promise.reject(failure))).rejects.toBe(failure)
  expect(readdirSync(folder)).toEqual([])
  await (await lockFile(path)).release()
})

it('does no work where there can be no lock', async () => {
  let worked = false
  const work = async () => {
    worked = true
  }
  expect(await code(() => whileLocked(join(temporaryFolder(), 'missing', 'x.lock'), work))).toBe('ERR_USAGE')
  expect(worked).toBe(false)
})
