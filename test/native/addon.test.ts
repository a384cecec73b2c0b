import { execFile } from 'node:child_process'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { loadNative, type Native, type Result } from '../../native/index.js'
import { suiteWith } from '../support/requirement.js'

// No AF_VSOCK socket here: a development machine's may lead to somebody. They are tested in guests.

const { EBADF, EINVAL, EMSGSIZE, ENOTTY, EAFNOSUPPORT } = constants.errno

function find(): Native | undefined {
  try {
    return loadNative()
  } catch (error) {
    if (process.env.CI === 'true') throw error
    return undefined
  }
}

const native = find()

function open(path: string): number {
  const fd = openSync(path, 'r+')
  onTestFinished(() => closeSync(fd))
  return fd
}

function withAddon(suite: (native: Native) => void): void {
  suiteWith(native !== undefined, 'addon: it is not built', 'the addon', () => native && suite(native))
}

withAddon((native) => {
  const ask = (fd: number, request: Uint8Array): Promise<Result | Uint8Array> =>
    new Promise((resolve) => {
      const started = native.nsmRequest(fd, request, resolve)
      if (started < 0) resolve(started)
    })

  it('answers with the errno of a system call that failed', () => {
    expect(native.close(99_999)).toBe(-EBADF)
    expect(native.dup3(99_999, 99_998)).toBe(-EBADF)
  })

  it('makes a pair of sockets and moves one descriptor over another', () => {
    const pair = native.socketPair()
    if (typeof pair === 'number') throw new Error(`no pair: ${pair}`)
    const [first, second] = pair
    const [before, other] = [fstatSync(first).ino, fstatSync(second).ino]
    expect(before).not.toBe(other)
    expect(native.dup3(second, first)).toBe(first)
    expect(fstatSync(first).ino).toBe(other)
    expect(native.close(first)).toBe(0)
    expect(native.close(second)).toBe(0)
    expect(native.close(second)).toBe(-EBADF)
  })

  it('finds no vsock address on a Unix socket', () => {
    const fd = native.unixSocket()
    expect(native.vsockName(fd)).toBe(-EAFNOSUPPORT)
    native.close(fd)
  })

  it('reports a connection that cannot begin', () => {
    const fd = native.unixSocket()
    const done = () => {
      throw new Error('called')
    }
    expect(native.vsockConnect(fd, 1, 1, 1000, done)).toBe(-EINVAL)
    expect(native.close(fd)).toBe(-EBADF)
  })

  it('brings the errno of an ioctl that the device does not know', async () => {
    expect(await ask(open('/dev/null'), new Uint8Array(0x1000))).toBe(-ENOTTY)
  })

  it('sends no request of more than 0x1000 bytes', async () => {
    expect(await ask(open('/dev/null'), new Uint8Array(0x1001))).toBe(-EMSGSIZE)
  })

  it('feeds 1 to 4,096 bytes', () => {
    const fd = open('/dev/null')
    expect([0, 1, 4096, 4097].map((length) => native.addEntropy(fd, new Uint8Array(length)))).toEqual([
      -EINVAL,
      -ENOTTY,
      -ENOTTY,
      -EINVAL,
    ])
  })

  // JavaScript would call it so without TypeScript's help.
  const call = (name: keyof Native, ...values: unknown[]) =>
    (native[name] as (...all: unknown[]) => unknown)(...values)
  it.each([
    ['too few arguments', () => call('close')],
    ['a negative descriptor', () => call('close', -1)],
    ['a fraction', () => call('close', 1.5)],
    ['NaN', () => call('close', Number.NaN)],
    ['a descriptor beyond 31 bits', () => call('close', 2 ** 31)],
    ['a number beyond 32 bits', () => call('vsockBind', 99_999, 2 ** 32, 1)],
    ['a text for bytes', () => call('nsmRequest', 99_999, 'text', () => undefined)],
    ['wide numbers for bytes', () => call('nsmRequest', 99_999, new Uint16Array(2), () => undefined)],
    ['no function', () => call('nsmRequest', 99_999, new Uint8Array(2), undefined)],
    ['no attempt', () => call('cancelConnect', {})],
  ])('refuses %s', (_, attempt) => {
    expect(attempt).toThrow(TypeError)
  })

  it('lets what a callback throws end the process, as an exception of its own', async () => {
    const script = `
      const native = require('node-gyp-build')('native')
      const fd = require('node:fs').openSync('/dev/null', 'r+')
      process.on('uncaughtException', (error) => console.log(error.message))
      native.nsmRequest(fd, new Uint8Array(1), () => { throw new Error('mine') })`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script])
    expect(stdout).toBe('mine\n')
  })

  it('loads in many threads, which may end while it works', async () => {
    const script = `
      const native = require('node-gyp-build')('native')
      const fd = require('node:fs').openSync('/dev/null', 'r+')
      for (let i = 0; i < 100; i++) native.nsmRequest(fd, new Uint8Array(1), () => undefined)
      require('node:worker_threads').parentPort.postMessage('begun')`
    const workers = Array.from({ length: 8 }, () => new Worker(script, { eval: true }))
    const codes = workers.map(async (worker) => {
      await new Promise((resolve) => worker.once('message', resolve))
      return worker.terminate()
    })
    // 0, or none, where the thread was done already; what must not happen is the end of this process.
    for (const code of await Promise.all(codes)) expect([0, 1, undefined]).toContain(code)
  })
})
