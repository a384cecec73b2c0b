import { execFile } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { expect, it } from 'vitest'
import { eifBytes, LEAST } from '../image/eif-bytes.js'
import { temporaryFolder } from '../support/cli.js'

/** Describes an image in a process of its own, from the built files; gives its largest size in kibibytes, too. */
const SCRIPT = `
  const { describeEif } = await import(process.argv[1])
  const { CheckCRC, Sections } = await describeEif(process.argv[2])
  console.log(JSON.stringify([CheckCRC, Sections.at(-1).size, process.resourceUsage().maxRSS]))`

it('an image of a gibibyte is described in less than 100 MB of memory', { timeout: 120_000 }, async () => {
  const size = 2 ** 30
  const file = join(temporaryFolder(), 'image.eif')
  const ramdisk = { type: 3, content: new Uint8Array(), claimed: BigInt(size) }
  const start = eifBytes([...LEAST, ramdisk], { sizes: { 3: BigInt(size) } })
  let crc = crc32(start.subarray(548), crc32(start.subarray(0, 544)))
  const zeros = Buffer.alloc(2 ** 20)
  for (let done = 0; done < size; done += zeros.length) crc = crc32(zeros, crc)
  start.writeUInt32BE(crc, 544)
  writeFileSync(file, start)
  // The ramdisk is a hole: it takes no place on the disk.
  truncateSync(file, start.length + size)
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--input-type=module', '-e', SCRIPT],
    ...[pathToFileURL('dist/image/index.js').href, file],
  ])
  const [checkCrc, last, kibibytes] = JSON.parse(stdout) as [boolean, number, number]
  expect([checkCrc, last]).toEqual([true, size])
  expect(kibibytes * 1024).toBeLessThan(100e6)
})
