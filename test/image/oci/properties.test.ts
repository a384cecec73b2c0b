import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NitroEnclaveError } from '../../../shared/errors.js'
import { layoutOf } from './layouts.js'
import { read, tree } from './reading.js'
import { type TarMember, tarArchive } from './tar-archive.js'

const name = fc.constantFrom('a', 'b', 'c')
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))
const put = fc.record({ path, body: fc.constantFrom('', 'x', 'content') })
const directory = path.map((path): TarMember => ({ path, type: 'Directory' }))
const whiteout = path.map((path): TarMember => ({ path: path.replace(/[^/]*$/, '.wh.$&') }))
const opaque = path.map((path): TarMember => ({ path: `${path}/.wh..wh..opq` }))
const layer = fc.array(fc.oneof({ weight: 3, arbitrary: put }, directory, whiteout, opaque), { maxLength: 8 })

/** The same rules, told with nothing but a map from paths to contents (`/` for a directory). */
function model(layers: readonly (readonly TarMember[])[]): Map<string, string> | undefined {
  let all = new Map<string, string>()
  const without = (gone: (path: string) => boolean) => {
    all = new Map([...all].filter(([path]) => !gone(path)))
  }
  for (const members of layers) {
    for (const { path } of members) {
      const [, parent = '', last = ''] = /^(.*?)([^/]*)$/.exec(path) ?? []
      // A file has nothing in it: to empty it is to do nothing.
      if (last === '.wh..wh..opq') without((one) => one.startsWith(parent))
      else if (last.startsWith('.wh.')) {
        const target = `${parent}${last.slice(4)}`
        without((one) => one === target || one.startsWith(`${target}/`))
      }
    }
    for (const { path, type, body } of members) {
      if (path.includes('.wh.')) continue
      const names = path.split('/')
      for (let depth = 1; depth < names.length; depth += 1) {
        const parent = names.slice(0, depth).join('/')
        if ((all.get(parent) ?? '/') !== '/') return undefined
        all.set(parent, '/')
      }
      if (type !== 'Directory') without((one) => one.startsWith(`${path}/`))
      all.set(path, type === 'Directory' ? '/' : `${body}`)
    }
  }
  return all
}

describe('any layers', () => {
  it('leave what the rules of the specification leave', () =>
    fc.assert(
      fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 4 }), async (layers) => {
        const expected = model(layers)
        if (expected === undefined) await expect(tree(...layers)).rejects.toThrow(/lies in/)
        else expect(await tree(...layers)).toEqual(Object.fromEntries(expected))
      }),
      { numRuns: 100 },
    ))
})

describe('any bytes in the place of a layer', () => {
  const good = tarArchive([
    { path: 'a', body: 'x'.repeat(600) },
    { path: 'b', pax: { path: 'c/ő' }, body: 'y' },
    { path: 'l', type: 'SymbolicLink', linkpath: 'a' },
    { path: 'h', type: 'Link', linkpath: 'a' },
    { path: '.wh.z' },
  ])

  it('are read, or refused with an error of ours', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.option(fc.nat(good.length)),
        async (changes, end) => {
          const tar = Buffer.from(good.subarray(0, end ?? good.length))
          for (const [at, byte] of changes) if (at < tar.length) tar.writeUInt8(byte, at)
          try {
            await read(layoutOf({ layers: [{ tar }] }))
          } catch (error) {
            expect(error).toBeInstanceOf(NitroEnclaveError)
          }
        },
      ),
      { numRuns: 120 },
    ))
})
