import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { temporaryFolder } from '../support/cli.js'
import { suiteWith } from '../support/requirement.js'

// What it does as process 1 is tested in guests: test/vm/init-check.ts.

const SOURCES = resolve('image/init')
const PT_INTERP = 3
const PT_DYNAMIC = 2
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 }
const NOBODY = 65_534

interface Result {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(command: string, args: readonly string[], options: object = {}): Result {
  return spawnSync(command, args, { encoding: 'utf8', timeout: 30_000, ...options })
}

function build(output: string, sources = SOURCES, compiler?: string): Result {
  const env = compiler === undefined ? process.env : { ...process.env, CC: compiler }
  return run(join(sources, 'build.sh'), [output], { env })
}

function withCompiler(name: string, suite: () => void): void {
  suiteWith(run(name, ['--version']).status === 0, name, `the enclave's init, by ${name}`, suite)
}

/** Of an ELF file of 64 bits, little-endian (System V ABI, chapters 4 and 5). */
function elf(file: Buffer): { readonly machine: number; readonly segments: readonly number[] } {
  expect(file.subarray(0, 6).toString('latin1')).toBe('\x7fELF\x02\x01')
  const table = Number(file.readBigUInt64LE(32))
  const [size, count] = [file.readUInt16LE(54), file.readUInt16LE(56)]
  const segments = Array.from({ length: count }, (_, index) => file.readUInt32LE(table + index * size))
  return { machine: file.readUInt16LE(18), segments }
}

withCompiler('cc', () => {
  let folder = ''
  let init = ''
  let built: Result
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nitro-enclave-test-'))
    init = join(folder, 'init')
    built = build(init)
    return () => rmSync(folder, { recursive: true, force: true })
  })

  it('compiles, and the compiler has nothing to say', () => {
    expect(built).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })

  it('needs nothing but the kernel: no interpreter, no libraries', () => {
    const { machine, segments } = elf(readFileSync(init))
    expect(machine).toBe(MACHINES[process.arch])
    expect(segments).not.toContain(PT_INTERP)
    expect(segments).not.toContain(PT_DYNAMIC)
  })

  it('has the same bytes from whatever folder', () => {
    const elsewhere = join(folder, 'a longer path', 'with spaces')
    mkdirSync(elsewhere, { recursive: true })
    cpSync(SOURCES, elsewhere, { recursive: true })
    const again = join(elsewhere, 'output')
    expect(run('./build.sh', ['output'], { cwd: elsewhere })).toMatchObject({ status: 0 })
    expect(readFileSync(again).equals(readFileSync(init))).toBe(true)
  })

  it('does nothing unless it is process 1', () => {
    // Without the right to mount and to restart, should it try.
    chmodSync(folder, 0o755)
    const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
    const result = run(init, [], { cwd: '/', env: {}, ...identity })
    expect(result).toMatchObject({ status: 1, stdout: '' })
    expect(result.stderr).toMatch(
      /^enclave-init: this is an enclave's init: it does nothing but as process 1, and this is process \d+\n$/,
    )
  })

  it('is built by a script that says how it is called', () => {
    expect(run(join(SOURCES, 'build.sh'), [])).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^usage: \S+build\.sh OUTPUT\n$/),
    })
  })
})

withCompiler('aarch64-linux-gnu-gcc', () => {
  it('compiles for arm64 without a word', () => {
    const init = join(temporaryFolder(), 'init')
    expect(build(init, SOURCES, 'aarch64-linux-gnu-gcc')).toMatchObject({ status: 0, stdout: '', stderr: '' })
    const { machine, segments } = elf(readFileSync(init))
    expect(machine).toBe(MACHINES.arm64)
    expect(segments).not.toContain(PT_INTERP)
  })
})
