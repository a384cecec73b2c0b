import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { abortable, signalOf } from '../../../enclave/kms/abort.js'

/** On a machine that has much else to do. */
const PATIENCE = { timeout: 20_000 }

const never = () => new Promise<never>(() => undefined)
const aborted = (cause: unknown) => ({ name: 'AbortError', cause })

describe('the signal of a call', () => {
  it('is none where a client says nothing of its commands', () => {
    expect(signalOf({})).toBeUndefined()
  })
})

describe('abortable', () => {
  it.each([undefined, new AbortController().signal])('settles as the work does (%o)', async (signal) => {
    expect(await abortable(async () => 1, signal)).toBe(1)
    const failing = abortable(async () => {
      throw new Error('2')
    }, signal)
    await expect(failing).rejects.toThrow('2')
  })
  it('ends at once, whatever the reason is', async () => {
    for (const reason of [new Error('enough'), 'enough', undefined]) {
      const controller = new AbortController()
      const waiting = abortable(never, controller.signal)
      controller.abort(reason)
      await expect(waiting).rejects.toMatchObject(aborted(controller.signal.reason))
    }
  })
  it('begins nothing when aborted already', async () => {
    const work = vi.fn(never)
    await expect(abortable(work, AbortSignal.abort('late'))).rejects.toMatchObject(aborted('late'))
    expect(work).not.toHaveBeenCalled()
  })
  it('is no leak to Node, however many wait for one signal', async () => {
    const warnings: Error[] = []
    const hear = (warning: Error) => void warnings.push(warning)
    process.on('warning', hear)
    const controller = new AbortController()
    const waiting = Array.from({ length: 20 }, () => abortable(never, controller.signal))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', hear)
    expect(warnings).toEqual([])
    controller.abort()
    expect(await Promise.allSettled(waiting)).toHaveLength(20)
  })
  it('hands over what comes too late, and nothing else', async () => {
    const controller = new AbortController()
    const discard = vi.fn()
    let finish: (value: number) => void = () => undefined
    const late = abortable(
      () =>
        new Promise<number>((resolve) => {
          finish = resolve
        }),
      controller.signal,
      discard,
    )
    expect(await abortable(async () => 1, controller.signal, discard)).toBe(1)
    controller.abort()
    await expect(late).rejects.toMatchObject({ name: 'AbortError' })
    expect(discard).not.toHaveBeenCalled()
    finish(2)
    await vi.waitFor(() => expect(discard.mock.calls).toEqual([[2]]), PATIENCE)
  })
  it('does not discard what it gives, though it is aborted in the same breath', async () => {
    const controller = new AbortController()
    const discard = vi.fn()
    let finish: (value: number) => void = () => undefined
    const work = new Promise<number>((resolve) => {
      finish = resolve
    })
    const given = abortable(() => work, controller.signal, discard)
    void work.then(() => controller.abort())
    finish(3)
    await given.catch(() => undefined)
    // Given or discarded, never both.
    const outcome = await given.then(
      () => 1,
      () => 0,
    )
    await Promise.resolve()
    expect(outcome + discard.mock.calls.length).toBe(1)
  })
  it('leaves no listener, and no failure that nobody hears', async () => {
    const { signal } = new AbortController()
    const listeners = () => getEventListeners(signal, 'abort').length
    const waiting = [0, 1, 2].map((i) => abortable(async () => i, signal))
    expect(listeners()).toBe(3)
    expect(await Promise.all(waiting)).toEqual([0, 1, 2])
    await vi.waitFor(() => expect(listeners()).toBe(0), PATIENCE)
    const controller = new AbortController()
    let fail: (error: Error) => void = () => undefined
    const late = abortable(
      () =>
        new Promise((_, reject) => {
          fail = reject
        }),
      controller.signal,
    )
    controller.abort()
    await expect(late).rejects.toMatchObject({ name: 'AbortError' })
    // vitest fails the run when this goes unheard.
    fail(new Error('too late'))
  })
})
