import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Credentials } from '../../../shared/credentials/container-shape.js'
import { type RefreshingOptions, refreshingCredentials } from '../../../shared/credentials/refreshing.js'
import { refusal } from '../../support/errors.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const START = Date.UTC(2026, 0, 1)

/** A giver whose credentials live so long from when they are fetched, on a clock of its own. */
const startGiver = (lifetime: number, options: Partial<RefreshingOptions> = {}) => {
  const state = { now: START, lifetime, fetches: 0, broken: false }
  const fetch = async (): Promise<Credentials> => {
    const number = ++state.fetches
    await turn()
    if (state.broken) throw new Error(`failure ${number}`)
    return {
      accessKeyId: `AKIA${number}`,
      secretAccessKey: 'secret',
      ...(state.lifetime !== Infinity && { expiration: new Date(state.now + state.lifetime) }),
    }
  }
  const credentials = refreshingCredentials({
    giver: 'the giver',
    fetch,
    timeout: 10_000,
    now: () => state.now,
    ...options,
  })
  onTestFinished(() => credentials.close())
  const key = async () => (await credentials.get()).accessKeyId
  /** The key after whatever the last call set going. */
  const settledKey = async () => {
    await key()
    await turn()
    await turn()
    return key()
  }
  return { state, credentials, key, settledKey }
}

describe('credentials', () => {
  it('are fetched once for all who ask at the same time', async () => {
    const { state, key } = startGiver(HOUR)
    expect(await Promise.all(Array.from({ length: 50 }, key))).toEqual(Array(50).fill('AKIA1'))
    expect(state.fetches).toBe(1)
  })

  it('are kept until five minutes before they expire', async () => {
    const { state, key, settledKey } = startGiver(HOUR)
    await key()
    state.now += 55 * MINUTE - 1
    expect(await settledKey()).toBe('AKIA1')
    state.now += 1
    // Whoever asks now does not wait for the new ones.
    expect(await key()).toBe('AKIA1')
    expect(await settledKey()).toBe('AKIA2')
    expect(state.fetches).toBe(2)
  })

  it('are kept for half of a short life', async () => {
    const { state, key, settledKey } = startGiver(4 * MINUTE)
    await key()
    state.now += 2 * MINUTE - 1
    expect(await settledKey()).toBe('AKIA1')
    state.now += 1
    expect(await settledKey()).toBe('AKIA2')
  })

  it('are kept for ever when they never expire', async () => {
    const { state, key, settledKey } = startGiver(Infinity)
    await key()
    state.now += 1_000 * HOUR
    expect(await settledKey()).toBe('AKIA1')
  })

  it('are waited for in the last minute', async () => {
    const { state, key } = startGiver(HOUR)
    await key()
    state.now += HOUR - MINUTE
    expect(await key()).toBe('AKIA2')
  })

  it('are fetched again when they are others by now', async () => {
    let changed = false
    const { key } = startGiver(HOUR, { changed: async () => changed })
    await key()
    expect(await key()).toBe('AKIA1')
    changed = true
    expect(await key()).toBe('AKIA2')
  })

  it('are never given when they have expired', async () => {
    const { state, key } = startGiver(HOUR)
    await key()
    state.broken = true
    state.now += HOUR - 1
    expect(await key()).toBe('AKIA1')
    state.now += 1
    await expect(key()).rejects.toThrow('failure 2')
  })

  it('are refused when they come expired, and the old ones stay', async () => {
    const { state, key, settledKey } = startGiver(HOUR)
    await key()
    state.now += 56 * MINUTE
    state.lifetime = 0
    expect(await settledKey()).toBe('AKIA1')
    expect(state.fetches).toBe(2)
    state.now += 4 * MINUTE
    expect(await refusal(key)).toMatchObject({
      code: 'ERR_CREDENTIALS',
      message: expect.stringMatching(/^the giver gave credentials that expired at 2026-01-01T01:00:00/),
    })
  })

  it('are not fetched more often than once a second, however short their life is', async () => {
    const { state, key, settledKey } = startGiver(1_000)
    await key()
    state.now += 999
    expect(await settledKey()).toBe('AKIA1')
    state.now += 1
    expect(await key()).toBe('AKIA2')
  })

  it('are refused when nobody can tell how long they live', async () => {
    for (const expiration of [new Date(Number.NaN), '2030-01-01T00:00:00Z'] as Date[]) {
      const fetch = async () => ({ accessKeyId: 'AKIA1', secretAccessKey: 'secret', expiration })
      const { key } = startGiver(HOUR, { fetch })
      expect(await refusal(key)).toMatchObject({
        code: 'ERR_CREDENTIALS',
        message: 'the giver gave credentials whose expiration is no date',
      })
    }
  })

  it('are given up when they take too long, and asked for again later', async () => {
    const signals: AbortSignal[] = []
    const { state, key } = startGiver(HOUR, {
      timeout: 20,
      fetch: (signal) => {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    })
    expect(await refusal(key)).toMatchObject({
      code: 'ERR_CREDENTIALS',
      message: 'the giver gave no credentials within 20 ms',
    })
    expect(signals[0]?.aborted).toBe(true)
    state.now += 1_000
    await refusal(key)
    expect(signals).toHaveLength(2)
  })
})

describe('credentials that were refused', () => {
  it('are fetched once again for all who say so at the same time, whatever their expiration', async () => {
    const forced: boolean[] = []
    let number = 0
    const { credentials, key } = startGiver(HOUR, {
      fetch: async (_, { forceRefresh }) => {
        forced.push(forceRefresh)
        await turn()
        return { accessKeyId: `AKIA${++number}`, secretAccessKey: 'secret' }
      },
    })
    expect(await key()).toBe('AKIA1')
    const refusing = Array.from({ length: 50 }, () => credentials.get({ forceRefresh: true }))
    expect(new Set((await Promise.all(refusing)).map(({ accessKeyId }) => accessKeyId))).toEqual(
      new Set(['AKIA2']),
    )
    expect(await key()).toBe('AKIA2')
    expect(forced).toEqual([false, true])
  })

  it('are not replaced by what was on its way already', async () => {
    const forced: boolean[] = []
    let arrive = () => {}
    const onItsWay = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const { credentials, key } = startGiver(HOUR, {
      fetch: async (_, { forceRefresh }) => {
        forced.push(forceRefresh)
        const number = forced.length
        if (!forceRefresh) await onItsWay
        return { accessKeyId: `AKIA${number}`, secretAccessKey: 'secret' }
      },
    })
    const unforced = key()
    while (forced.length === 0) await turn()
    const refused = credentials.get({ forceRefresh: true })
    const meanwhile = key()
    await turn()
    expect(forced).toEqual([false])
    arrive()
    expect(await unforced).toBe('AKIA1')
    expect([(await refused).accessKeyId, await meanwhile, await key()]).toEqual(Array(3).fill('AKIA2'))
  })

  it('are fetched for those, too, who would only have waited', async () => {
    const { state, credentials, key } = startGiver(HOUR)
    const refused = credentials.get({ forceRefresh: true })
    expect([await key(), (await refused).accessKeyId]).toEqual(['AKIA1', 'AKIA1'])
    expect(state.fetches).toBe(1)
  })

  it('are fetched once for all, though what was on its way fails meanwhile', async () => {
    let fail = (_: Error) => {}
    let arrive = (_: Credentials) => {}
    const { credentials, key } = startGiver(HOUR, {
      fetch: (_, { forceRefresh }) =>
        new Promise((resolve, reject) => {
          if (forceRefresh) arrive = resolve
          else fail = reject
        }),
    })
    const unforced = key()
    await turn()
    const first = credentials.get({ forceRefresh: true })
    fail(new Error('failure'))
    await expect(unforced).rejects.toThrow('failure')
    await turn()
    const second = credentials.get({ forceRefresh: true })
    arrive({ accessKeyId: 'AKIA2', secretAccessKey: 'secret' })
    expect(await Promise.all([first, second])).toMatchObject(Array(2).fill({ accessKeyId: 'AKIA2' }))
  })

  it('are not given again when there are no others, and no more than one fetch a second fails', async () => {
    const { state, credentials, key } = startGiver(HOUR)
    await key()
    state.broken = true
    const refused = () => credentials.get({ forceRefresh: true })
    await expect(refused()).rejects.toThrow('failure 2')
    await expect(refused()).rejects.toThrow('failure 2')
    expect(await key()).toBe('AKIA1')
    state.now += 1_000
    state.broken = false
    expect(await refused()).toMatchObject({ accessKeyId: 'AKIA3' })
  })
})

describe('a failed fetch', () => {
  it('is tried again after 1, 2, 4 s and so on up to 30 s, while the old ones are given', async () => {
    const { state, key, settledKey } = startGiver(10 * HOUR)
    await key()
    state.now += 10 * HOUR - 5 * MINUTE
    state.broken = true
    await settledKey()
    expect(state.fetches).toBe(2)
    for (const delay of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const before = state.fetches
      state.now += delay - 1
      expect(await settledKey()).toBe('AKIA1')
      expect(state.fetches).toBe(before)
      state.now += 1
      expect(await settledKey()).toBe('AKIA1')
      expect(state.fetches).toBe(before + 1)
    }
    state.broken = false
    state.now += 30_000
    expect(await settledKey()).toBe('AKIA10')
  })

  it('is repeated to whoever asks within a second, when there is nothing else to give', async () => {
    const { state, key } = startGiver(HOUR)
    state.broken = true
    await expect(key()).rejects.toThrow('failure 1')
    state.now += 999
    await expect(key()).rejects.toThrow('failure 1')
    state.now += 1
    await expect(key()).rejects.toThrow('failure 2')
    // No longer than a second, however often it failed.
    state.now += 1_000
    state.broken = false
    expect(await key()).toBe('AKIA3')
  })

  it('does not hold for as long as a clock was set back', async () => {
    const { state, key } = startGiver(HOUR)
    state.broken = true
    await expect(key()).rejects.toThrow('failure 1')
    state.now -= HOUR
    state.broken = false
    expect(await key()).toBe('AKIA2')
  })

  it('is told, with what is given nevertheless', async () => {
    const told: unknown[] = []
    const { state, key, settledKey } = startGiver(HOUR, {
      onRefreshed: ({ accessKeyId }) => told.push(accessKeyId),
      onFailed: (error, kept) => told.push([(error as Error).message, kept?.accessKeyId]),
    })
    await key()
    state.broken = true
    state.now += 56 * MINUTE
    await settledKey()
    state.now += HOUR
    await key().catch(() => undefined)
    expect(told).toEqual(['AKIA1', ['failure 2', 'AKIA1'], ['failure 3', undefined]])
  })
})

describe('credentials that are fetched ahead', () => {
  afterEach(() => vi.useRealTimers())

  const startAhead = ({ broken = false, lifetime = HOUR } = {}) => {
    vi.useFakeTimers({ now: START, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const state = { fetches: 0, broken }
    const credentials = refreshingCredentials({
      giver: 'the giver',
      ahead: true,
      timeout: 10_000,
      fetch: async () => {
        state.fetches++
        if (state.broken) throw new Error('failure')
        return {
          accessKeyId: `AKIA${state.fetches}`,
          secretAccessKey: 'secret',
          ...(lifetime !== Infinity && { expiration: new Date(Date.now() + lifetime) }),
        }
      },
    })
    return { state, credentials }
  }

  it('are there before anybody asks, and renewed before they expire', async () => {
    const { state } = startAhead()
    expect(state.fetches).toBe(1)
    await vi.advanceTimersByTimeAsync(55 * MINUTE - 1)
    expect(state.fetches).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(state.fetches).toBe(2)
    await vi.advanceTimersByTimeAsync(55 * MINUTE)
    expect(state.fetches).toBe(3)
  })

  it('are tried for again by themselves', async () => {
    const { state, credentials } = startAhead({ broken: true })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(state.fetches).toBe(2)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(state.fetches).toBe(3)
    state.broken = false
    await vi.advanceTimersByTimeAsync(4_000)
    expect(await credentials.get()).toMatchObject({ accessKeyId: 'AKIA4' })
    expect(state.fetches).toBe(4)
  })

  it('need no timer when they never expire', async () => {
    const { state } = startAhead({ lifetime: Infinity })
    await vi.advanceTimersByTimeAsync(1)
    expect([state.fetches, vi.getTimerCount()]).toEqual([1, 0])
  })

  it('are renewed within a minute when the clock is set forward', async () => {
    const { state } = startAhead()
    await vi.advanceTimersByTimeAsync(1)
    vi.setSystemTime(START + 56 * MINUTE)
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(state.fetches).toBe(2)
  })

  it('are not fetched by themselves after an end that came during a fetch', async () => {
    const { state, credentials } = startAhead()
    credentials.close()
    await vi.advanceTimersByTimeAsync(10 * HOUR)
    expect(state.fetches).toBe(1)
  })

  it('are not fetched by themselves any more after the end', async () => {
    const { state, credentials } = startAhead()
    await vi.advanceTimersByTimeAsync(1)
    credentials.close()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(10 * HOUR)
    expect(state.fetches).toBe(1)
  })
})
