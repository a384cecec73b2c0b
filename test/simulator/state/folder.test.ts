import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeFolder } from '../../../simulator/state/folder.js'

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nitro-enclave-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('makeFolder', () => {
  it('makes those above, too, for their owner only, and takes one that is there', async () => {
    const top = temporary()
    const folder = join(top, 'a', 'b', 'c')
    await Promise.all([makeFolder(folder), makeFolder(folder), makeFolder(join(top, 'a', 'd'))])
    await makeFolder(folder)
    for (const path of [folder, join(top, 'a')]) expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  it.each(['file', 'file/below', 'file/below/that'])('refuses %s', async (name) => {
    const top = temporary()
    writeFileSync(join(top, 'file'), '')
    await expect(makeFolder(join(top, name))).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringContaining(join(top, name)),
    })
  })

  it('refuses one without a name', async () => {
    await expect(makeFolder('')).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringContaining('no name'),
    })
  })

  it.skipIf(process.platform !== 'linux').each(['/proc/none', '/proc/none/below'])(
    'does not try for ever where there can be none: %s',
    async (path) => {
      await expect(makeFolder(path)).rejects.toMatchObject({ code: 'ERR_USAGE' })
    },
  )
})
