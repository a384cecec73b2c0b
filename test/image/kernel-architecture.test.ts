import { expect, it } from 'vitest'
import { memorySource } from '../../image/byte-source.js'
import { architectureOf } from '../../image/kernel-architecture.js'

function bytes(length: number, marks: Readonly<Record<number, string | number>>): Buffer {
  const all = Buffer.alloc(length)
  for (const [position, mark] of Object.entries(marks)) {
    if (typeof mark === 'string') all.write(mark, Number(position), 'latin1')
    else all.writeUInt16LE(mark, Number(position))
  }
  return all
}

it.each([
  ['x86_64', bytes(1024, { 510: 0xaa55, 514: 'HdrS' })],
  ['aarch64', bytes(64, { 56: 'ARMd' })],
  [undefined, bytes(1024, { 510: 0xaa55 })],
  [undefined, bytes(1024, { 514: 'HdrS' })],
  [undefined, bytes(0x205, { 510: 0xaa55, 514: 'Hdr' })],
  [undefined, bytes(1024, { 57: 'ARMd' })],
  [undefined, Buffer.from('not a kernel')],
  [undefined, Buffer.alloc(0)],
])('is %s', async (architecture, kernel) => {
  expect(await architectureOf(memorySource(kernel))).toBe(architecture)
})
