import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { essenceOf, readFinding, writeFinding } from './finding.js'

it('is read as it was written', () => {
  const folder = mkdtempSync(join(tmpdir(), 'findings-'))
  const input = Uint8Array.of(0, 1, 255)
  const path = writeFinding(folder, 'cbor', 7, { kind: 'error', message: 'm', input })
  expect(readFinding(path)).toEqual({ target: 'cbor', seed: 7, kind: 'error', message: 'm', hex: '0001ff' })
  rmSync(folder, { recursive: true })
})

it('is the same one whatever its numbers are', () => {
  const at = (offset: number) =>
    essenceOf({ kind: 'error', message: `bad at ${offset}`, input: new Uint8Array(0) })
  expect(at(1)).toBe(at(22))
})
