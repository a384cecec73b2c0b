/** What openNsm() does with the kernel's random pool, as root and as somebody else. */
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { expect, it, vi } from 'vitest'
import { feedEntropy } from '../../../enclave/nsm/entropy.js'
import { openNsm } from '../../../enclave/nsm/open.js'
import { loadNative } from '../../../native/index.js'

const NOBODY = 65_534

/** All of the process's threads have the rights of `user` while `work` runs. */
async function as<T>(user: number, work: () => Promise<T>): Promise<T> {
  process.seteuid?.(user)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}

/** What the ioctl said when the pool was fed. */
async function feeding(): Promise<number> {
  const addEntropy = vi.fn((fd: number, bytes: Uint8Array) => loadNative().addEntropy(fd, bytes))
  const nsm = await openNsm()
  await feedEntropy(nsm, { native: { addEntropy }, path: '/dev/random' }).finally(() => nsm.close())
  expect(addEntropy).toHaveBeenCalledOnce()
  return addEntropy.mock.results[0]?.value
}

export function entropy(): void {
  it('is credited when root feeds it', async () => {
    expect(await feeding()).toBe(0)
  })

  it('is fed without credit by others', async () => {
    expect(await as(NOBODY, feeding)).toBe(-constants.errno.EPERM)
  })

  it('takes RNDADDENTROPY only on the random device', () => {
    const fd = openSync('/dev/null', 'r+')
    try {
      expect(loadNative().addEntropy(fd, new Uint8Array(256))).toBe(-constants.errno.ENOTTY)
    } finally {
      closeSync(fd)
    }
  })
}
