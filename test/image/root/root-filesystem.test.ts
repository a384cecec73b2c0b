import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { prepareRootFilesystem, type RootFilesystemOptions } from '../../../image/root/root-filesystem.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { type Image, layoutOf } from '../oci/layouts.js'
import { BLOBS, blobsFolder } from './blobs-folder.js'
import { readCpio } from './cpio-reader.js'

type Options = Partial<RootFilesystemOptions> & { readonly rootfs: string }

const prepare = (options: Options) =>
  prepareRootFilesystem({ blobs: blobsFolder(), folder: temporaryFolder(), ...options })

/** What the second ramdisk holds, by path. */
async function contents(options: Options): Promise<Record<string, string>> {
  const { ramdisks } = await prepare(options)
  const members = readCpio(gunzipSync(readFileSync(ramdisks[1] ?? '')))
  return Object.fromEntries(members.map(({ path, content }) => [path, content.toString()]))
}

const IMAGE: Image = {
  layers: [[{ path: 'bin/app', body: 'elf', mode: 0o755 }]],
  config: { Entrypoint: ['/bin/app'], Cmd: ['--serve'], Env: ['PATH=/bin'] },
}

describe('an OCI layout', () => {
  it("gives its files, and its config's command and environment", async () => {
    expect(await contents({ rootfs: layoutOf(IMAGE) })).toMatchObject({
      cmd: '/bin/app\n--serve\n',
      env: 'PATH=/bin\n',
      'rootfs/bin/app': 'elf',
    })
  })

  it('can be given another command and another environment', async () => {
    const rootfs = layoutOf(IMAGE)
    expect(await contents({ rootfs, command: ['/bin/sh'] })).toMatchObject({
      cmd: '/bin/sh\n',
      env: 'PATH=/bin\n',
    })
    expect(await contents({ rootfs, env: [] })).toMatchObject({ cmd: '/bin/app\n--serve\n', env: '' })
  })

  it('comes with kernel, command line, architecture and what docker inspect says', async () => {
    const blobs = blobsFolder()
    const prepared = await prepare({ rootfs: layoutOf(IMAGE), blobs })
    expect(prepared).toMatchObject({
      kernel: join(blobs, 'bzImage'),
      commandLine: 'reboot=k panic=30 pci=off',
      architecture: 'x86_64',
      dockerInfo: { Architecture: 'amd64', Config: { Entrypoint: ['/bin/app'] } },
      warnings: [],
    })
  })

  it('must be for the architecture of the kernel', async () => {
    const { bzImage: kernel = '', ...others } = BLOBS
    const blobs = blobsFolder({ ...others, Image: kernel })
    expect(await refusal(() => prepare({ rootfs: layoutOf(IMAGE), blobs }))).toMatchObject({
      code: 'ERR_OCI_IMAGE',
    })
    const arm = layoutOf({ ...IMAGE, architecture: 'arm64' })
    expect(await prepare({ rootfs: arm, blobs })).toMatchObject({ architecture: 'aarch64' })
  })

  it('without a command says how to give one', async () => {
    const error = await refusal(() => prepare({ rootfs: layoutOf({ ...IMAGE, config: {} }) }))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringMatching(/no command.*CMD/) })
  })

  it('warns of a working directory and a user, which no init heeds', async () => {
    const config = { Cmd: ['/a'], WorkingDir: '/srv', User: 'app' }
    const { warnings } = await prepare({ rootfs: layoutOf({ ...IMAGE, config }) })
    expect(warnings).toEqual([expect.stringMatching(/WORKDIR \/srv/), expect.stringMatching(/USER app/)])
  })

  it.each(['root', '0', '0:0', 'root:root', ''])('does not warn of the user "%s" in /', async (User) => {
    const { warnings } = await prepare({
      rootfs: layoutOf({ ...IMAGE, config: { Cmd: ['/a'], User, WorkingDir: '/' } }),
    })
    expect(warnings).toEqual([])
  })
})

describe('a plain directory', () => {
  const directory = (): string => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'etc'))
    writeFileSync(join(folder, 'etc/hosts'), 'localhost')
    return folder
  }

  it('is the root itself', async () => {
    const prepared = { rootfs: directory(), command: ['/bin/app'] }
    expect(await contents(prepared)).toMatchObject({
      cmd: '/bin/app\n',
      env: '',
      'rootfs/etc/hosts': 'localhost',
    })
    expect(await contents({ ...prepared, env: ['A=b'] })).toMatchObject({ env: 'A=b\n' })
    expect(await prepare(prepared)).not.toHaveProperty('dockerInfo')
  })

  it('gives the same ramdisks twice', async () => {
    const options = { rootfs: directory(), command: ['/bin/app'] }
    const [one, other] = [await prepare(options), await prepare({ ...options, rootfs: directory() })]
    for (const index of [0, 1]) {
      const [a, b] = [one, other].map(({ ramdisks }) => readFileSync(ramdisks[index] ?? ''))
      expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true)
    }
  })

  it('needs a command', async () => {
    const error = await refusal(() => prepare({ rootfs: directory() }))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('names no command') })
  })

  it.each(['', 'work'])('must not hold the work folder (/%s)', async (inside) => {
    const rootfs = directory()
    const folder = join(rootfs, inside)
    mkdirSync(folder, { recursive: true })
    const error = await refusal(() => prepare({ rootfs, folder, command: ['/a'] }))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining(folder) })
  })

  it('may lie beside a work folder whose name begins as its own', async () => {
    const parent = temporaryFolder()
    for (const name of ['root', 'root-work']) mkdirSync(join(parent, name))
    const options = { rootfs: join(parent, 'root'), folder: join(parent, 'root-work'), command: ['/a'] }
    expect(await contents(options)).toHaveProperty('rootfs')
  })
})

describe('a root file system is refused', () => {
  it('when it is not there', async () => {
    const error = await refusal(() => prepare({ rootfs: '/nonexistent', command: ['/a'] }))
    expect(error).toMatchObject({
      code: 'ERR_USAGE',
      message: 'cannot read /nonexistent: there is no such file',
    })
  })

  it('when it is an archive: the error says what to do', async () => {
    const rootfs = join(temporaryFolder(), 'image.tar')
    writeFileSync(rootfs, '')
    const error = await refusal(() => prepare({ rootfs, command: ['/a'] }))
    expect(error).toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringContaining('skopeo copy oci-archive:'),
    })
  })

  it('when the work folder is not there', async () => {
    const error = await refusal(() => prepare({ rootfs: layoutOf(IMAGE), folder: '/nonexistent' }))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('/nonexistent') })
  })
})
