import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cpio } from '../../../image/root/cpio.js'
import type { FileSystemEntry } from '../../../image/root/file-system-entry.js'
import { collect, readCpio } from './cpio-reader.js'

const name = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .map((bytes) =>
    Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))).toString('latin1'),
  )
  .filter((text) => text !== '.' && text !== '..')

const attributes = { mode: fc.nat(0o7777), uid: fc.nat(0xffff_ffff), gid: fc.nat(0xffff_ffff) }
const device = { ...attributes, major: fc.nat(0xfff), minor: fc.nat(0xf_ffff) }
const bytes = fc.uint8Array({ maxLength: 20 })
const target = fc.uint8Array({ min: 1, minLength: 1, maxLength: 20 })
const standing = fc.oneof(
  fc.record({ ...attributes, type: fc.constant('directory' as const) }),
  fc.record({ ...attributes, type: fc.constant('file' as const), content: bytes }),
  fc.record({ ...attributes, type: fc.constant('symlink' as const), target }),
  fc.record({ ...device, type: fc.constantFrom('character device' as const, 'block device' as const) }),
  fc.record({ ...attributes, type: fc.constant('fifo' as const) }),
)

/** Trees whose parents all stand in them: paths in Latin-1, one character a byte. */
const tree = fc.array(fc.tuple(fc.nat(), name, standing), { maxLength: 30 }).map((steps) => {
  const directories = ['']
  const entries = new Map<string, FileSystemEntry>()
  for (const [choice, last, standing] of steps) {
    const path = `${directories[choice % directories.length]}${last}`
    if (entries.has(path)) continue
    entries.set(path, { ...standing, path: Buffer.from(path, 'latin1') })
    if (standing.type === 'directory') directories.push(`${path}/`)
  }
  return entries
})

const TYPES = {
  fifo: 0o010000,
  'character device': 0o020000,
  directory: 0o040000,
  'block device': 0o060000,
  file: 0o100000,
  symlink: 0o120000,
}

describe('any tree', () => {
  it('comes back from its archive as it was', () =>
    fc.assert(
      fc.asyncProperty(tree, async (entries) => {
        const members = readCpio(await collect(cpio(entries.values())))
        expect(new Set(members.map(({ path }) => path))).toEqual(new Set(entries.keys()))
        for (const { path, mode, uid, gid, device, content } of members) {
          const entry = entries.get(path)
          expect(entry).toMatchObject({ uid, gid })
          if (entry === undefined) continue
          expect(mode).toBe(TYPES[entry.type] | (entry.mode ?? 0))
          expect(device).toEqual('major' in entry ? [entry.major, entry.minor] : [0, 0])
          if (entry.type === 'file') expect(content.equals(entry.content as Uint8Array)).toBe(true)
          else if (entry.type === 'symlink') expect(content.equals(entry.target as Uint8Array)).toBe(true)
          else expect(content).toHaveLength(0)
        }
      }),
    ))

  it('has its parents before their children, and its paths in the order of their bytes', () =>
    fc.assert(
      fc.asyncProperty(tree, async (entries) => {
        const paths = readCpio(await collect(cpio(entries.values()))).map(({ path }) => path)
        // In Latin-1 the order of characters is the order of bytes.
        expect(paths).toEqual([...paths].sort((a, b) => (a < b ? -1 : 1)))
      }),
    ))

  it('gives the same bytes in whatever order it is read', () =>
    fc.assert(
      fc.asyncProperty(
        tree.chain((entries) => {
          const list = [...entries.values()]
          return fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))
        }),
        async ([one, other]) => {
          expect((await collect(cpio(one))).equals(await collect(cpio(other)))).toBe(true)
        },
      ),
    ))
})
