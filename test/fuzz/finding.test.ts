import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { essenceOf, readFinding, writeFinding } from './finding.js'

const folder = mkdtempSync(join(tmpdir(), 'findings-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('is read as it was written', () => {
  const input = Uint8Array.of(0, 1, 255)
  const path = writeFinding(folder, 'cbor', 7, { kind: 'error', message: 'm', input })
  expect(readFinding(path)).toEqual({ target: 'cbor', seed: 7, kind: 'error', message: 'm', hex: '0001ff' })
})

describe('a file', () => {
  const finding = { target: 'cbor', seed: 7, kind: 'error', message: 'm', hex: '0001ff' }
  it.each([
    ['of a corpus', '\x00\x01\xff'],
    ['of a target that there is not', JSON.stringify({ ...finding, target: 'no' })],
    ['of half a byte', JSON.stringify({ ...finding, hex: '000' })],
  ])('%s is no finding', (_, text) => {
    const path = join(folder, 'other')
    writeFileSync(path, text)
    expect(() => readFinding(path)).toThrow(`${path} is no finding`)
  })
})

it('is the same one whatever its numbers are', () => {
  const at = (offset: number) =>
    essenceOf({ kind: 'error', message: `bad at ${offset}`, input: new Uint8Array(0) })
  expect(at(1)).toBe(at(22))
})
