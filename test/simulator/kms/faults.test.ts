import { describe, expect, it } from 'vitest'
import { KmsError } from '../../../simulator/kms/errors.js'
import { createFaults, type Fault } from '../../../simulator/kms/faults.js'

/** What becomes of so many calls: names of errors, misbehaviours, `-` for none. */
function outcomes(fault: Fault | undefined, calls: number): string[] {
  const faults = createFaults()
  faults.set(fault)
  return Array.from({ length: calls }, () => {
    const next = faults.next()
    return next instanceof KmsError ? next.name : (next ?? '-')
  })
}

describe('faults', () => {
  it('are none at first, and none when they are cured', () => {
    const faults = createFaults()
    expect(faults.next()).toBeUndefined()
    faults.set('internal')
    expect(faults.next()).toBeInstanceOf(KmsError)
    faults.set(undefined)
    expect(faults.next()).toBeUndefined()
  })

  it('throttle in the words of AWS, with HTTP 400', () => {
    const faults = createFaults()
    faults.set('throttling')
    expect(faults.next()).toMatchObject({
      name: 'ThrottlingException',
      message: 'Rate exceeded',
      status: 400,
    })
  })

  it('come to every call that misbehaves', () => {
    expect(outcomes('ignoreRecipient', 2)).toEqual(['ignoreRecipient', 'ignoreRecipient'])
    expect(outcomes('dependencyTimeout', 1)).toEqual(['DependencyTimeoutException'])
  })

  it('in shares are spread evenly', () => {
    const expected = Array.from({ length: 60 }, (_, index) =>
      (index + 1) % 20 === 0 ? 'ThrottlingException' : '-',
    )
    expect(outcomes({ throttling: 0.05 }, 60)).toEqual(expected)
    for (const share of [0.29, 0.07, 1 / 3]) {
      const many = outcomes({ internal: share }, 1000).filter((one) => one === 'KMSInternalException')
      expect(many).toHaveLength(Math.floor(1000 * share + 1e-9))
    }
  })

  it('of two kinds come both', () => {
    const both = outcomes({ throttling: 0.1, internal: 0.1 }, 101)
    for (const name of ['ThrottlingException', 'KMSInternalException'])
      expect(both.filter((one) => one === name)).toHaveLength(10)
  })

  it('may be all calls, and none', () => {
    expect(outcomes({ throttling: 1 }, 3)).toEqual(Array(3).fill('ThrottlingException'))
    expect(outcomes({ throttling: 0 }, 3)).toEqual(['-', '-', '-'])
  })

  it.each([
    { throttling: 1.5 },
    { internal: -0.1 },
    { throttling: Number.NaN },
    { throttling: '0.5' },
    { throtling: 0.5 },
    'throtling',
    'constructor',
    null,
    5,
  ])('refuse %o', (fault) => {
    expect(() => createFaults().set(fault as Fault)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
  })
})
