import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type BuildEifOptions, buildEif } from '../../image/build.js'
import { temporaryFolder } from '../support/cli.js'
import { code, refusal } from '../support/errors.js'

const LARGE = Buffer.alloc(4 * 1024 * 1024, 'x')

function inputs(folder = temporaryFolder()) {
  for (const name of ['kernel', 'ramdisk']) writeFileSync(join(folder, name), name)
  return {
    kernel: join(folder, 'kernel'),
    ramdisks: [join(folder, 'ramdisk')],
    commandLine: 'x',
    output: join(folder, 'image.eif'),
    name: 'n',
    version: '1',
    folder,
  }
}

/** Nothing but the inputs, or what stood there before. */
const left = (folder: string) => readdirSync(folder).sort()

describe('an input that cannot be used', () => {
  it.each<[string, (path: string) => void, string]>([
    ['is not there', () => undefined, 'there is no such file'],
    ['is a directory', (path) => mkdirSync(path), 'it is a directory'],
    ['is empty', (path) => writeFileSync(path, ''), 'it is empty'],
    ['is a FIFO', (path) => void execFileSync('mkfifo', [path]), 'it is not a regular file'],
    ['is a link that leads nowhere', (path) => symlinkSync('nowhere', path), 'there is no such file'],
    ['is a link to itself', (path) => symlinkSync(path, path), 'too many symbolic links'],
  ])('is named when it %s', async (_, make, why) => {
    const options = inputs()
    const path = join(options.folder, 'bad')
    make(path)
    for (const wrong of [{ kernel: path }, { ramdisks: [...options.ramdisks, path] }]) {
      const error = await refusal(() => buildEif({ ...options, ...wrong }))
      expect([error.code, error.message]).toEqual(['ERR_USAGE', expect.stringContaining(`${path}: ${why}`)])
    }
    expect(left(options.folder).filter((name) => name !== 'bad')).toEqual(['kernel', 'ramdisk'])
  })

  it.each<[string, (path: string) => void]>([
    ['grows', (path) => appendFileSync(path, 'more')],
    ['shrinks', (path) => truncateSync(path, 1)],
    ['is written to', (path) => utimesSync(path, 1, 1)],
  ])('is named when it %s in the meantime', async (_, change) => {
    const options = inputs()
    const path = options.ramdisks[0] ?? ''
    writeFileSync(path, LARGE)
    let changed = false
    const onProgress = (done: number) => {
      if (done < 1024 * 1024 || changed) return
      changed = true
      change(path)
    }
    const error = await refusal(() => buildEif({ ...options, onProgress }))
    expect(error.message).toBe(`cannot use ${path}: it changed in the meantime`)
    expect(left(options.folder)).toEqual(['kernel', 'ramdisk'])
  })

  it('may lose its name in the meantime: it was opened before', async () => {
    const options = inputs()
    const { PCR0 } = await buildEif(options)
    const onProgress = () => rmSync(options.kernel, { force: true })
    expect((await buildEif({ ...options, onProgress })).PCR0).toBe(PCR0)
  })
})

describe('the output', () => {
  it('is readable by everyone, whatever the umask', async () => {
    const options = inputs()
    const before = process.umask(0o077)
    try {
      await buildEif(options)
    } finally {
      process.umask(before)
    }
    expect(statSync(options.output).mode & 0o777).toBe(0o644)
  })

  it('replaces a file that is there, and nothing is left beside it', async () => {
    const options = inputs()
    writeFileSync(options.output, 'an older image')
    await buildEif(options)
    expect(readFileSync(options.output).toString('latin1', 0, 4)).toBe('.eif')
    expect(left(options.folder)).toEqual(['image.eif', 'kernel', 'ramdisk'])
  })

  it('is what a link leads to', async () => {
    const options = inputs()
    writeFileSync(join(options.folder, 'target'), 'an older image')
    symlinkSync('target', options.output)
    await buildEif(options)
    expect(readFileSync(join(options.folder, 'target')).toString('latin1', 0, 4)).toBe('.eif')
  })

  it('stays as it was when the build fails', async () => {
    const options = inputs()
    writeFileSync(options.output, 'an older image')
    expect(await code(() => buildEif({ ...options, ramdisks: ['/nonexistent'] }))).toBe('ERR_USAGE')
    expect(readFileSync(options.output, 'utf8')).toBe('an older image')
  })

  it('stays as it was when the build is ended, with the reason as its error', async () => {
    const options = inputs()
    writeFileSync(options.kernel, LARGE)
    writeFileSync(options.output, 'an older image')
    const controller = new AbortController()
    const reason = new Error('enough')
    const ended = buildEif({
      ...options,
      signal: controller.signal,
      onProgress: (done) => done > 1024 * 1024 && controller.abort(reason),
    })
    await expect(ended).rejects.toBe(reason)
    expect(readFileSync(options.output, 'utf8')).toBe('an older image')
    expect(left(options.folder)).toEqual(['image.eif', 'kernel', 'ramdisk'])
  })

  it.each<[string, (options: ReturnType<typeof inputs>) => Partial<BuildEifOptions>]>([
    ['by its name', ({ kernel }) => ({ output: kernel })],
    ['by another path', ({ folder }) => ({ output: join(folder, '.', 'x', '..', 'ramdisk') })],
    [
      'by a link',
      ({ folder, kernel }) => {
        symlinkSync(kernel, join(folder, 'link'))
        return { output: join(folder, 'link') }
      },
    ],
    [
      'by a hard link',
      ({ folder, kernel }) => {
        linkSync(kernel, join(folder, 'hard'))
        return { output: join(folder, 'hard') }
      },
    ],
  ])('is refused when it is an input, %s', async (_, change) => {
    const options = inputs()
    const { message } = await refusal(() => buildEif({ ...options, ...change(options) }))
    expect(message).toContain('the image would replace its own input')
    expect(readFileSync(options.kernel, 'utf8')).toBe('kernel')
  })

  it('is refused when it is a FIFO, a device or the like', async () => {
    const options = inputs()
    execFileSync('mkfifo', [options.output])
    const { message } = await refusal(() => buildEif(options))
    expect(message).toBe(`cannot write ${options.output}: it is not a regular file`)
    expect(statSync(options.output).isFIFO()).toBe(true)
  })

  it.each([
    ['a directory', '', 'it is a directory'],
    ['in no folder', '/nonexistent/image.eif', 'there is no such folder'],
    ['under a file', '/dev/null/image.eif', 'there is no such folder'],
    ['where nobody may write', '/proc/image.eif', 'there is no such folder'],
  ])('is refused when it is %s', async (_, path, why) => {
    const options = inputs()
    const output = path === '' ? options.folder : path
    expect((await refusal(() => buildEif({ ...options, output }))).message).toBe(
      `cannot write ${output}: ${why}`,
    )
  })

  it('tells how far it is, up to the end', async () => {
    const options = inputs()
    writeFileSync(options.kernel, LARGE)
    const told: [number, number][] = []
    await buildEif({ ...options, onProgress: (...both) => told.push(both) })
    const [last] = told.slice(-1)
    expect(told.every(([done], index) => done > (told[index - 1]?.[0] ?? 0))).toBe(true)
    expect(last?.[0]).toBe(statSync(options.output).size)
    expect(told.length).toBeGreaterThan(4)
  })
})
