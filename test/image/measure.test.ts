import { describe, expect, it } from 'vitest'
import { memorySource } from '../../image/byte-source.js'
import { describeSource } from '../../image/describe.js'
import { eifBytes, type Part, part, register } from './eif-bytes.js'

const measure = async (...parts: readonly Part[]) =>
  (await describeSource(memorySource(eifBytes(parts)))).Measurements

const KERNEL = part('kernel', 'kernel')
const COMMAND_LINE = part('commandLine', 'command line')
const [ONE, TWO, THREE] = [part('ramdisk', 'one'), part('ramdisk', 'two'), part('ramdisk', 'three')]

describe('the registers', () => {
  it('are those of kernel, command line and ramdisks, in the order of the file', async () => {
    expect(await measure(KERNEL, COMMAND_LINE, ONE, TWO, THREE)).toEqual({
      HashAlgorithm: 'Sha384 { ... }',
      PCR0: register('kernel', 'command line', 'one', 'two', 'three'),
      PCR1: register('kernel', 'command line', 'one'),
      PCR2: register('two', 'three'),
    })
  })

  it('of a single ramdisk: PCR2 is that of nothing', async () => {
    const { PCR0, PCR1, PCR2 } = await measure(KERNEL, COMMAND_LINE, ONE)
    expect([PCR0, PCR2]).toEqual([PCR1, register('')])
    // The well-known value that images without an application have.
    expect(PCR2).toBe(
      '21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a',
    )
  })

  it('follow the file when its order is unusual', async () => {
    expect(await measure(ONE, TWO, COMMAND_LINE, THREE, KERNEL)).toMatchObject({
      PCR0: register('one', 'two', 'command line', 'three', 'kernel'),
      PCR1: register('one', 'command line', 'kernel'),
      PCR2: register('two', 'three'),
    })
  })

  it('leave metadata and signature out, wherever they stand', async () => {
    const beside = [part('metadata', '{}'), part('signature', 'no CBOR')] as const
    const { PCR0, PCR1, PCR2 } = await measure(beside[1], KERNEL, COMMAND_LINE, beside[0], ONE, TWO)
    expect(await measure(KERNEL, COMMAND_LINE, ONE, TWO)).toMatchObject({ PCR0, PCR1, PCR2 })
  })

  it('take content that is longer than what is read at a time', async () => {
    const large = Buffer.alloc(3 * 1024 * 1024 + 5, 'abcdefg')
    const { PCR0 } = await measure(part('kernel', large), COMMAND_LINE, part('ramdisk', large))
    expect(PCR0).toBe(register(large, 'command line', large))
  })
})
