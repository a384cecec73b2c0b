/** The guests' runner says what it should: nothing else tells a green guest from one that ran nothing. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { bundle } from './bundle.js'

const runner = fileURLToPath(new URL('run.ts', import.meta.url))

/** Bundles and runs `body`, the tests of a file. */
async function guest(body: string, after = ''): Promise<{ status: number | null; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'g-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const names = 'afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi'
  const [entry, program] = [join(folder, 'entry.ts'), join(folder, 'entry.mjs')]
  writeFileSync(
    entry,
    `import { ${names} } from 'vitest'
    import { run } from ${JSON.stringify(runner)}
    await run('guest', () => { ${body} })\n${after}`,
  )
  await bundle(entry, program)
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

it('prints a line for each test, a sum, and ends with 0', async () => {
  const { status, output } = await guest(`
    const order = []
    beforeAll(() => { order.push('all'); return () => order.push('never seen') })
    describe('suite', () => {
      beforeEach(() => { order.push('each') })
      it('one', () => { onTestFinished(() => order.push('finished')); order.push('one') })
      it.each([[2, 4], [3, 6]])('%d twice is %d', async (a, b) => { expect(2 * a).toBe(b) })
    })
    it('last', () => expect(order).toEqual(['all', 'each', 'one', 'finished', 'each', 'each']))
    it('awaits', async () => { await new Promise((resolve) => setTimeout(resolve, 10)) })
  `)
  expect(
    output
      .replaceAll(/\d+ ms/g, 'N ms')
      .trimEnd()
      .split('\n'),
  ).toEqual([
    'ok suite > one (N ms)',
    'ok suite > 2 twice is 4 (N ms)',
    'ok suite > 3 twice is 6 (N ms)',
    'ok last (N ms)',
    'ok awaits (N ms)',
    '5 passed, 0 failed',
  ])
  expect(status).toBe(0)
})

it('has the matchers and spies of vitest', async () => {
  const { output, status } = await guest(`
    it('matchers', async () => {
      expect({ a: 1, b: [2] }).toMatchObject({ b: [2] })
      expect({ a: 'text' }).toEqual({ a: expect.stringMatching(/^t/) })
      expect([1, 'x']).toEqual([expect.any(Number), expect.not.stringContaining('y')])
      expect([1, 2]).toEqual(expect.arrayContaining([2]))
      expect({ a: 1, b: 2 }).toEqual(expect.objectContaining({ a: 1 }))
      expect(() => { throw Object.assign(new Error('no'), { code: 'E' }) }).toThrow(expect.objectContaining({ code: 'E' }))
      expect(3).toBeOneOf([2, 3])
      expect(new Uint8Array([1])).toEqual(new Uint8Array([1]))
      await expect(Promise.resolve(1)).resolves.toBe(1)
      await expect(Promise.reject(new Error('no'))).rejects.toThrow('no')
    })
    it('spies', () => {
      const spy = vi.spyOn(globalThis, 'setTimeout')
      clearTimeout(setTimeout(() => {}, 1_000))
      expect(spy).toHaveBeenCalledOnce()
      vi.restoreAllMocks()
      expect(vi.isMockFunction(setTimeout)).toBe(false)
      const stub = vi.fn(() => 1)
      expect(stub(2)).toBe(1)
      expect(stub).toHaveBeenCalledWith(2)
    })
  `)
  expect(output).toContain('2 passed, 0 failed')
  expect(status).toBe(0)
})

it.each([
  [
    'a failed comparison',
    `it('a', () => { expect({ a: 1 }).toEqual({ a: 2 }) })`,
    /FAIL a\n.*AssertionError/,
  ],
  [
    'an error, with its cause',
    `it('a', () => { throw new Error('x', { cause: new Error('root') }) })`,
    /caused by:\n.*root/,
  ],
  ['a rejection', `it('a', async () => { throw new Error('x') })`, /FAIL a\n.*Error: x/],
  [
    'an expected rejection that does not come',
    `it('a', () => expect(Promise.resolve()).rejects.toThrow())`,
    /FAIL/,
  ],
  [
    'a hook',
    `beforeAll(() => { throw new Error('hook') }); it('a', () => {})`,
    /FAIL guest\n.*hook[\s\S]*not run/,
  ],
  ['a cleanup', `it('a', () => { onTestFinished(() => { throw new Error('late') }) })`, /FAIL a\n.*late/],
  ['a skipped test', `it('a', () => {}); it.skip('b', () => {})`, /FAIL b\n.*not run/],
  ['a test that skips itself', `it('a', (context) => context.skip('why'))`, /FAIL a\n.*not run/],
  ['a timeout', `it('a', () => new Promise(() => {}), 50)`, /FAIL a\n.*timed out/],
  ['what cannot be described', `throw new Error('no tests'); it('a', () => {})`, /FAIL guest\n.*no tests/],
  [
    'an error outside of tests',
    `it('a', async () => {
    setTimeout(() => { throw new Error('stray') })
    await new Promise((resolve) => setTimeout(resolve, 50))
  })`,
    /FAIL guest: uncaughtException\n.*stray/,
  ],
])('ends with 1 and says so: %s', async (_, body, expected) => {
  const { status, output } = await guest(body)
  expect(output).toMatch(expected)
  expect(output).toMatch(/\d passed, [1-9]\d* failed\n/)
  expect(status).toBe(1)
})

it('ends with 1 when there was no test', async () => {
  const { status, output } = await guest('')
  expect(output).toMatch(/No test suite found[\s\S]*0 passed, 1 failed/)
  expect(status).toBe(1)
})
