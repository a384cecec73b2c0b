import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { type CliResult, cli, json } from '../support/cli.js'
import { nsmSimulator, type Register } from '../support/nsm-simulator.js'

// Each test runs several processes, one after the other.
vi.setConfig({ testTimeout: 120_000 })

const ZERO = '00'.repeat(48)
const text = ({ stdout }: CliResult) => stdout.toString('utf8')

function extended(old: string, data: Uint8Array | string): string {
  return createHash('sha384').update(Buffer.from(old, 'hex')).update(data).digest('hex')
}

describe('nitro-enclave nsm pcr and pcrs', () => {
  it('show one register and all', async () => {
    const { nsm } = nsmSimulator()
    const all = json<Register[]>(await nsm(['pcrs', '--json']))
    expect(all.map(({ index, locked }) => [index, locked])).toEqual(
      Array.from({ length: 32 }, (_, index) => [index, index < 16]),
    )
    const lines = text(await nsm(['pcrs']))
      .trimEnd()
      .split('\n')
    expect(lines.map((line) => line.trim().split(/ +/))).toEqual(
      all.map(({ index, value, locked }) => [`PCR${index}`, value, locked ? 'locked' : 'open']),
    )
    expect(text(await nsm(['pcr', '0']))).toBe(`PCR0 ${all[0]?.value} locked\n`)
    expect(json<Register>(await nsm(['pcr', '31', '--json']))).toEqual({
      index: 31,
      value: ZERO,
      locked: false,
    })
  })

  it.each(['32', 'PCR0'])('there is none with the index %j', async (index) => {
    const { code, stdout, stderr } = await nsmSimulator().nsm(['pcr', index])
    expect([code, stdout.length]).toEqual([1, 0])
    expect(stderr).not.toBe('')
  })
})

describe('nitro-enclave nsm extend', () => {
  it('refuses empty input of a pipe or a variable, and leaves the register as it is', async () => {
    const { nsm, register } = nsmSimulator()
    for (const given of [['-'], ['--data-hex', '']]) {
      const { code, stderr } = await nsm(['extend', '16', ...given])
      expect([code, stderr]).toEqual([1, expect.stringContaining('empty')])
    }
    expect((await register(16)).value).toBe(ZERO)
  })

  it('extends by hex, by a file and by standard input, each as it is, and the next process sees it', async () => {
    const { nsm, file, register } = nsmSimulator()
    // Text that could be taken for hex is no hex here.
    const path = file('data', '0102\n')
    const first = extended(ZERO, Uint8Array.of(1, 2))
    expect(text(await nsm(['extend', '16', '--data-hex', '0102']))).toBe(`PCR16 ${first} open\n`)
    const second = extended(first, '0102\n')
    expect(json<Register>(await nsm(['extend', '16', path, '--json']))).toEqual({
      index: 16,
      value: second,
      locked: false,
    })
    const binary = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    expect((await nsm(['extend', '16', '-'], binary)).code).toBe(0)
    expect(await register(16)).toEqual({ index: 16, value: extended(second, binary), locked: false })
    expect((await register(17)).value).toBe(ZERO)
  })

  it('loses nothing when processes extend at once', async () => {
    const { nsm, register } = nsmSimulator()
    await nsm(['describe'])
    const all = await Promise.all([1, 2, 3].map(() => nsm(['extend', '20', '--data-hex', 'aa'])))
    expect(all.map(({ code, stderr }) => [code, stderr])).toEqual(all.map(() => [0, '']))
    const expected = all.reduce((value) => extended(value, Uint8Array.of(0xaa)), ZERO)
    expect((await register(20)).value).toBe(expected)
  })

  it('ends with 1 on what it cannot take, and extends nothing', async () => {
    const { nsm, register } = nsmSimulator()
    for (const args of [
      ['16'],
      ['16', '-', '--data-hex', '00'],
      ['16', '/nonexistent'],
      ['16', '--data-hex', '123'],
      ['16', '--data-hex', '00'.repeat(4_070)],
    ]) {
      const { code, stdout, stderr } = await nsm(['extend', ...args])
      expect([code, stdout.length]).toEqual([1, 0])
      expect(stderr).not.toBe('')
    }
    expect((await register(16)).value).toBe(ZERO)
  })

  it('takes an empty file at its word', async () => {
    const { nsm, file } = nsmSimulator()
    expect(text(await nsm(['extend', '16', file('empty', '')]))).toContain(extended(ZERO, ''))
  })
})

describe('nitro-enclave nsm lock and lock-range', () => {
  it('lock, once and for all', async () => {
    const { nsm, register } = nsmSimulator()
    const { code, stdout, stderr } = await nsm(['lock', '16'])
    expect([code, stdout.length, stderr]).toEqual([0, 0, ''])
    expect((await register(16)).locked).toBe(true)
    for (const again of [
      ['lock', '16'],
      ['extend', '16', '--data-hex', '00'],
    ]) {
      const refused = await nsm(again)
      expect(refused.code).toBe(4)
      expect(refused.stderr).toContain('ERR_NSM_READ_ONLY_INDEX')
      expect(refused.stderr).toContain('`nsm pcrs` shows which are open')
    }
  })

  it('lock a range from the first register on', async () => {
    const { nsm, register } = nsmSimulator()
    expect((await nsm(['lock-range', '21'])).code).toBe(0)
    expect([(await register(20)).locked, (await register(21)).locked]).toEqual([true, false])
    expect((await nsm(['lock-range', '33'])).code).toBe(1)
    expect((await register(21)).locked).toBe(false)
  })
})

describe('nitro-enclave nsm --pcr', () => {
  const PCR0 = 'ab'.repeat(48)

  it('boots a new enclave with a register, and no other one', async () => {
    const { nsm, register, state } = nsmSimulator()
    expect((await nsm(['--pcr', `0=${PCR0}`, 'describe'])).code).toBe(0)
    expect((await register(0)).value).toBe(PCR0)
    const again = await nsm(['--pcr', `0=${ZERO}`, 'attest'])
    expect([again.code, again.stdout.length]).toEqual([1, 0])
    expect(again.stderr).toContain('has booted: its registers cannot be given any more')
    expect((await register(0)).value).toBe(PCR0)
    const root = readFileSync(join(state, 'attestation-root.pem'), 'utf8')
    rmSync(join(state, 'nsm.json'))
    expect((await nsm(['--pcr', `0=${ZERO}`, 'describe'])).code).toBe(0)
    expect((await register(0)).value).toBe(ZERO)
    expect(readFileSync(join(state, 'attestation-root.pem'), 'utf8')).toBe(root)
  })

  it('that is no SHA-384 ends with 1, and boots nothing', async () => {
    const { nsm, state } = nsmSimulator()
    const { code, stderr } = await nsm(['--pcr', `7=${'ab'.repeat(32)}`, 'describe'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('PCR7 is not 48 bytes of hex')])
    expect(readdirSync(state)).not.toContain('nsm.json')
  })

  it('without a simulator ends with 1', async () => {
    const { code, stderr } = await cli(['nsm', '--pcr', `0=${PCR0}`, 'describe'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('it goes with --simulator DIR')])
  })
})
