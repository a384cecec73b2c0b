import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { readStreams, type TraceRecord, TraceWriter } from '../../simulator/trace.js'

const directory = mkdtempSync(join(tmpdir(), 'trace-'))
const path = join(directory, 'trace')
afterAll(() => rmSync(directory, { recursive: true }))

function write(...records: readonly TraceRecord[]): void {
  const writer = new TraceWriter(path)
  for (const record of records) writer.write(record)
  writer.close()
}

function up(connection: number, text: string): TraceRecord {
  return { direction: 'up', connection, data: Buffer.from(text) }
}

function down(connection: number, text: string): TraceRecord {
  return { direction: 'down', connection, data: Buffer.from(text) }
}

function streams(): readonly string[] {
  return readStreams(path).map((stream) => Buffer.from(stream).toString('latin1'))
}

describe('a record', () => {
  it('has a header of 17 bytes: direction, connection, time, length', () => {
    const before = Date.now()
    write({ direction: 'down', connection: 0x01020304, data: Uint8Array.of(0xaa, 0xbb) })
    const bytes = readFileSync(path)
    const time = Number(bytes.readBigUInt64BE(5))
    expect(bytes.toString('hex', 0, 5)).toBe('0101020304')
    expect(bytes.toString('hex', 13)).toBe('00000002aabb')
    expect(time).toBeGreaterThanOrEqual(before)
    expect(time).toBeLessThanOrEqual(Date.now())
  })

  it('from the enclave has the direction 0', () => {
    write(up(1, 'x'))
    expect(readFileSync(path)[0]).toBe(0)
  })
})

describe('the streams of a trace', () => {
  it('are put together by connection and direction', () => {
    write(up(1, 'a'), down(1, 'x'), up(2, 'A'), up(1, 'b'), down(2, 'X'), down(1, 'y'), up(2, 'B'))
    expect(streams()).toEqual(['ab', 'xy', 'AB', 'X'])
  })

  it('come back as they were written', () => {
    const data = fc.uint8Array({ maxLength: 50 })
    const direction = fc.constantFrom('up' as const, 'down' as const)
    const record = fc.record({ direction, connection: fc.integer({ min: 1, max: 3 }), data })
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), (records) => {
        write(...records)
        const expected = new Map<string, string>()
        for (const { direction, connection, data } of records) {
          const key = `${direction} ${connection}`
          expected.set(key, (expected.get(key) ?? '') + Buffer.from(data).toString('latin1'))
        }
        expect(streams()).toEqual([...expected.values()])
      }),
    )
  })

  it('are none when nothing was forwarded', () => {
    write()
    expect(streams()).toEqual([])
  })

  it('end with what is there when the last record was cut off', () => {
    write(up(1, 'abc'), up(1, 'defgh'))
    truncateSync(path, statSync(path).size - 2)
    expect(streams()).toEqual(['abcdef'])
  })

  it('are readable when the last header was cut off', () => {
    write(up(1, 'abc'))
    appendFileSync(path, Uint8Array.of(0, 0, 0))
    expect(streams()).toEqual(['abc'])
  })
})

describe('the file', () => {
  it('is readable by its owner only', () => {
    rmSync(path, { force: true })
    write()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('is readable by its owner only, even if it was there and open to all', () => {
    writeFileSync(path, '')
    chmodSync(path, 0o666)
    write()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('is emptied first', () => {
    writeFileSync(path, 'something older')
    write(up(1, 'new'))
    expect(streams()).toEqual(['new'])
  })
})
