import net from 'node:net'
import { expect, it } from 'vitest'
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
