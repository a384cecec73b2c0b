import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { firstConnected } from '../../parent-proxy/happy-eyeballs.js'

const { signal } = new AbortController()

/** Attempts that fail with these codes, in this order. */
const failing = (codes: readonly string[]) =>
  firstConnected(codes, (code) => Promise.reject(Object.assign(new Error(code), { code })), signal)

it.each([
  [['ECONNREFUSED', 'ENETUNREACH'], 'ECONNREFUSED'],
  [['ENETUNREACH', 'ECONNREFUSED', 'EHOSTUNREACH'], 'ECONNREFUSED'],
  [['ECONNRESET', 'ECONNREFUSED', 'EADDRNOTAVAIL'], 'ECONNREFUSED'],
  [['EHOSTUNREACH', 'ENETUNREACH'], 'ENETUNREACH'],
])(
  'of the failures %j the one that tells of a server is reported, else the last: %s',
  async (codes, expected) => {
    await expect(failing(codes)).rejects.toMatchObject({ code: expected })
  },
)

it('destroys a second socket that connects in the same turn', async () => {
  const sockets = [new net.Socket(), new net.Socket()]
  let connect: (() => void) | undefined
  const attempt = (socket: net.Socket) =>
    new Promise<net.Socket>((resolve) => {
      const both = connect
      connect = () => {
        both?.()
        resolve(socket)
      }
      if (both) connect()
    })
  expect(await firstConnected(sockets, attempt, signal)).toBe(sockets[0])
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, true])
})

it('warns of nothing when there are many attempts', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  const attempt = (_: number, stop: AbortSignal) => {
    stop.addEventListener('abort', () => {})
    return Promise.reject(new Error('refused'))
  }
  const endpoints = Array.from({ length: 20 }, (_, index) => index)
  await expect(firstConnected(endpoints, attempt, signal)).rejects.toThrow('refused')
  await new Promise(setImmediate)
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

describe('attempts at addresses that do not answer', () => {
  /** Attempts that last until they are ended; how many were under way at most. */
  const silent = () => {
    const account = { now: 0, most: 0, tried: [] as number[] }
    const attempt = (endpoint: number, stop: AbortSignal) =>
      new Promise<net.Socket>((resolve, reject) => {
        account.tried.push(endpoint)
        account.now += 1
        account.most = Math.max(account.most, account.now)
        stop.addEventListener('abort', () => {
          account.now -= 1
          reject(stop.reason)
        })
        if (endpoint === 3) resolve(new net.Socket())
      })
    return { account, attempt }
  }

  it('go on beside each other while there is room', async () => {
    const { account, attempt } = silent()
    await firstConnected([0, 1, 2, 3], attempt, signal)
    expect(account).toMatchObject({ tried: [0, 1, 2, 3], most: 4 })
  })

  it('make room for the next where there is none, one each while', async () => {
    const { account, attempt } = silent()
    const started = performance.now()
    await firstConnected([0, 1, 2, 3], attempt, signal, () => undefined)
    expect(account).toMatchObject({ tried: [0, 1, 2, 3], most: 1 })
    // Not all at once because each one made room: three times 250 ms.
    expect(performance.now() - started).toBeGreaterThan(600)
  })

  it('give back what they borrowed', async () => {
    const { attempt } = silent()
    let lent = 0
    await firstConnected([0, 1, 2, 3], attempt, signal, () => {
      lent += 1
      return () => {
        lent -= 1
      }
    })
    await new Promise(setImmediate)
    expect(lent).toBe(0)
  })

  it('are told when the last one, for which they made room, is refused', async () => {
    const attempt = (endpoint: number, stop: AbortSignal) =>
      new Promise<net.Socket>((_, reject) => {
        stop.addEventListener('abort', () => reject(stop.reason))
        if (endpoint === 1) reject(new Error('refused'))
      })
    await expect(firstConnected([0, 1], attempt, signal, () => undefined)).rejects.toThrow('refused')
  })
})
