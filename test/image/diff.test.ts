import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { diffEif } from '../../image/diff.js'
import { temporaryFolder } from '../support/cli.js'
import { code } from '../support/errors.js'
import { eifBytes, type Part, part } from './eif-bytes.js'

const KERNEL = part('kernel', 'kernel')
const COMMAND_LINE = part('commandLine', 'quiet')
const ONE = part('ramdisk', 'one')
const TWO = part('ramdisk', 'two')
const METADATA = part('metadata', '{}')
const SIGNATURE = part('signature', 'no CBOR')
const GOOD = [KERNEL, COMMAND_LINE, METADATA, ONE, TWO]

async function diff(a: readonly Part[], b: readonly Part[]) {
  const folder = temporaryFolder()
  const [one, other] = [join(folder, 'a'), join(folder, 'b')]
  writeFileSync(one, eifBytes(a))
  writeFileSync(other, eifBytes(b))
  return diffEif(one, other)
}
const named = ({ sections }: Awaited<ReturnType<typeof diff>>) =>
  sections.map(({ section, measured }) => [section, measured])

describe('two images', () => {
  it('that are the same differ in nothing', async () => {
    const result = await diff(GOOD, GOOD)
    expect(result).toMatchObject({ samePcr0: true, sections: [], orderDiffers: false })
    expect(result.measurements.a).toEqual(result.measurements.b)
  })

  it.each<[string, readonly Part[]]>([
    ['kernel', [part('kernel', 'other'), COMMAND_LINE, METADATA, ONE, TWO]],
    ['ramdisk 1', [KERNEL, COMMAND_LINE, METADATA, part('ramdisk', 'other'), TWO]],
    ['ramdisk 2', [KERNEL, COMMAND_LINE, METADATA, ONE, part('ramdisk', 'other')]],
  ])('differ in PCR0 by their %s', async (section, other) => {
    const result = await diff(GOOD, other)
    expect(result.samePcr0).toBe(false)
    expect(named(result)).toEqual([[section, true]])
    expect(result.sections[0]?.a?.digest).not.toBe(result.sections[0]?.b?.digest)
  })

  it('differ by their command lines, and both texts are given', async () => {
    const result = await diff(GOOD, [KERNEL, part('commandLine', 'loud'), METADATA, ONE, TWO])
    expect(named(result)).toEqual([['command line', true]])
    expect(result.sections[0]?.text).toEqual({ a: 'quiet', b: 'loud' })
  })

  it('differ by a ramdisk that only one has', async () => {
    const result = await diff(GOOD, [KERNEL, COMMAND_LINE, METADATA, ONE])
    expect([result.samePcr0, named(result)]).toEqual([false, [['ramdisk 2', true]]])
    expect(result.sections[0]?.b).toBeUndefined()
  })

  it('may have other metadata and another signature with the same PCR0', async () => {
    const result = await diff(GOOD, [KERNEL, COMMAND_LINE, part('metadata', '{"a":1}'), ONE, TWO, SIGNATURE])
    expect(result.samePcr0).toBe(true)
    expect(named(result)).toEqual([
      ['metadata', false],
      ['signature', false],
    ])
    expect(result.warnings).toHaveLength(1)
  })

  it('may differ in nothing but the order', async () => {
    const result = await diff(GOOD, [COMMAND_LINE, KERNEL, METADATA, ONE, TWO])
    expect(result).toMatchObject({ samePcr0: false, sections: [], orderDiffers: true })
    const beside = await diff(GOOD, [KERNEL, COMMAND_LINE, ONE, TWO, METADATA])
    expect(beside).toMatchObject({ samePcr0: true, orderDiffers: false })
  })

  it('may have the same PCR0 though their sections end elsewhere', async () => {
    const moved = [part('kernel', 'kernelqu'), part('commandLine', 'iet'), METADATA, ONE, TWO]
    const result = await diff(GOOD, moved)
    expect(result.samePcr0).toBe(true)
    expect(named(result)).toEqual([
      ['kernel', true],
      ['command line', true],
    ])
  })

  it('are both read: what cannot be is refused', async () => {
    expect(await code(() => diffEif('/nonexistent', '/nonexistent'))).toBe('ERR_USAGE')
  })
})
