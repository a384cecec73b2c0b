import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gzip, gzipToFile } from '../../../image/root/gzip.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { collect } from './cpio-reader.js'
import { withProgram } from './programs.js'

/** Text that repeats itself, near and far, and noise. */
const TEXT = readFileSync('package-lock.json')
const NOISE = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 2_654_435_761) >>> 24))
const SAMPLE = Buffer.concat([
  ...Array.from({ length: 60 }, (_, at) => TEXT.subarray(at, at + 20_000)),
  NOISE,
])

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

describe('gzip', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a byte', Buffer.from('a')],
    ['a block', SAMPLE.subarray(0, 256 * 1024)],
    ['a block and a byte', SAMPLE.subarray(0, 256 * 1024 + 1)],
    ['several blocks', SAMPLE],
    ['many zeros', Buffer.alloc(3_000_000)],
  ])('is undone by gunzip: %s', async (_, bytes) => {
    expect(gunzipSync(await collect(gzip([bytes]))).equals(bytes)).toBe(true)
  })

  it('has a header without time and name', async () => {
    const header = (await collect(gzip([SAMPLE]))).subarray(0, 10)
    // Magic, deflate, no flags, no time, no hint of the level, "Unix" (RFC 1952, section 2.3).
    expect(header.toString('hex')).toBe('1f8b0800' + '00000000' + '0003')
  })

  it('gives bytes that are the same everywhere and always', async () => {
    const input = Buffer.from(Array.from({ length: 700_000 }, (_, index) => ((index * index) >>> 7) & 0x3f))
    const digest = createHash('sha256')
      .update(await collect(gzip([input])))
      .digest('hex')
    expect(digest).toMatchInlineSnapshot(`"4e2b4fec001f144b7bbf0fe02c6a0512c941d22fbf55f1e299418cffa8dc8e5d"`)
  })

  it('compresses', async () => {
    expect((await collect(gzip([Buffer.alloc(1_000_000)]))).length).toBeLessThan(10_000)
  })

  it('does not depend on how its input is cut', async () => {
    const whole = await collect(gzip([SAMPLE]))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 20 }),
        async (sizes) => {
          expect((await collect(gzip(cut(SAMPLE, sizes)))).equals(whole)).toBe(true)
        },
      ),
      { numRuns: 15 },
    )
  })

  it('passes over empty chunks', async () => {
    const empty = new Uint8Array()
    expect(await collect(gzip([empty, SAMPLE, empty, empty]))).toEqual(await collect(gzip([SAMPLE])))
  })

  it('goes to a file', async () => {
    const file = join(temporaryFolder(), 'a.gz')
    await gzipToFile([SAMPLE], file)
    expect(gunzipSync(readFileSync(file)).equals(SAMPLE)).toBe(true)
  })

  it('names the file that it cannot write', async () => {
    const folder = join(temporaryFolder(), 'folder')
    mkdirSync(folder)
    const error = await refusal(() => gzipToFile([SAMPLE], folder))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: `cannot write ${folder}: it is a directory` })
  })

  it.skipIf(!existsSync('/dev/full'))('names the file that it cannot write to the end', async () => {
    const error = await refusal(() => gzipToFile([SAMPLE], '/dev/full'))
    expect(error).toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringMatching(/\/dev\/full: no space/),
    })
  })

  it("hands on its input's error", async () => {
    const file = join(temporaryFolder(), 'a.gz')
    async function* failing() {
      yield SAMPLE
      throw new RangeError('from the input')
    }
    await expect(gzipToFile(failing(), file)).rejects.toThrow('from the input')
  })
})

withProgram('gzip', ['--version'], 'GNU gzip', () => {
  it('decompresses it, without a warning', async () => {
    const output = execFileSync('gzip', ['-dc'], {
      input: await collect(gzip([SAMPLE])),
      maxBuffer: 10_000_000,
    })
    expect(output.equals(SAMPLE)).toBe(true)
  })
})
