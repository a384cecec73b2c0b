import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readBlobs } from '../../../image/root/blobs.js'
import { refusal } from '../../support/errors.js'
import { BLOBS, blobsFolder } from './blobs-folder.js'

const { bzImage: _, ...withoutKernel } = BLOBS
const whyNot = async (folder: string): Promise<string> => {
  const error = await refusal(() => readBlobs(folder))
  expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
  return error.message
}

describe('a folder of blobs', () => {
  it("is nitro-cli's", async () => {
    // linuxkit and the kernel's configuration lie there, too.
    const folder = blobsFolder({ ...BLOBS, linuxkit: '', 'bzImage.config': '' })
    expect(await readBlobs(folder)).toEqual({
      architecture: 'x86_64',
      kernel: join(folder, 'bzImage'),
      init: join(folder, 'init'),
      nsm: join(folder, 'nsm.ko'),
      commandLine: 'reboot=k panic=30 pci=off',
      modules: [],
    })
  })

  it('is for aarch64 when its kernel is an Image', async () => {
    const folder = blobsFolder({ ...withoutKernel, Image: 'kernel' })
    expect(await readBlobs(folder)).toMatchObject({ architecture: 'aarch64', kernel: join(folder, 'Image') })
  })

  it('may have modules, in the order of the bytes of their names', async () => {
    const names = ['b.ko', 'a.ko', '00-virtio_mmio.ko', 'B.ko', '10-x.ko', '2-y.ko', 'README', 'a.ko.xz']
    const folder = blobsFolder({
      ...BLOBS,
      ...Object.fromEntries(names.map((name) => [`modules/${name}`, name])),
    })
    const { modules } = await readBlobs(folder)
    expect(modules.map(({ name }) => name)).toEqual([
      '00-virtio_mmio.ko',
      '10-x.ko',
      '2-y.ko',
      'B.ko',
      'a.ko',
      'b.ko',
    ])
    expect(modules[0]?.file).toBe(join(folder, 'modules/00-virtio_mmio.ko'))
  })

  it('may be of symbolic links', async () => {
    const folder = blobsFolder()
    renameSync(join(folder, 'bzImage'), join(folder, 'vmlinuz-6.6'))
    symlinkSync('vmlinuz-6.6', join(folder, 'bzImage'))
    expect(await readBlobs(folder)).toMatchObject({ kernel: join(folder, 'bzImage') })
  })
})

describe('a folder of blobs is refused', () => {
  it('for what is missing: all of it is named, and where it comes from', async () => {
    const folder = blobsFolder({ init: '' })
    const why = await whyNot(folder)
    expect(why).toContain(`${folder} lacks a kernel (bzImage or Image), cmdline, nsm.ko: `)
    expect(why).toContain('aws-nitro-enclaves-cli-devel')
    expect(why).toContain('`make blobs`')
  })

  it.each(['bzImage', 'cmdline', 'init', 'nsm.ko'])('without %s', async (name) => {
    const folder = blobsFolder()
    rmSync(join(folder, name))
    expect(await whyNot(folder)).toMatch(new RegExp(`lacks (a kernel \\()?${name}`))
  })

  it('with a directory in the place of a file', async () => {
    const folder = blobsFolder()
    rmSync(join(folder, 'init'))
    mkdirSync(join(folder, 'init'))
    expect(await whyNot(folder)).toMatch(/lacks init:/)
  })

  it('when it is not there', async () => {
    expect(await whyNot('/nonexistent')).toMatch(/lacks a kernel.*cmdline, init, nsm\.ko/)
  })

  it('with the kernels of two architectures', async () => {
    expect(await whyNot(blobsFolder({ ...BLOBS, Image: '' }))).toMatch(/x86_64 and aarch64/)
  })

  it('with a command line of many bytes', async () => {
    expect(await whyNot(blobsFolder({ ...BLOBS, cmdline: 'x'.repeat(70_000) }))).toMatch(
      /cmdline has 70000 bytes/,
    )
  })

  it('with modules that are no folder', async () => {
    const folder = blobsFolder()
    writeFileSync(join(folder, 'modules'), '')
    expect(await whyNot(folder)).toContain(join(folder, 'modules'))
  })
})
