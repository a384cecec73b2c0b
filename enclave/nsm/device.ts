/** /dev/nsm: the Nitro Secure Module as the kernel offers it (linux drivers/misc/nsm.c, since 6.8). */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import type { Native } from '../../native/index.js'
import { NsmError } from '../../shared/errors.js'
import { systemError } from '../../shared/system-error.js'
import { MAX_REQUEST_LENGTH } from './codec.js'
import type { NsmExchange } from './exchange.js'

export interface DeviceOptions {
  readonly path: string
  /** Called once the device has been opened; throws when there is no addon. */
  readonly loadNative: () => Native
}

/**
 * Opens the device. Requests go to the driver one at a time, each on a thread of the pool; the driver gives up
 * after 120 s. close() lets the requests made before it end.
 *
 * Throws NsmError ERR_NSM_UNAVAILABLE. exchange() throws NsmError ERR_NSM_INPUT_TOO_LARGE, ERR_NSM_CLOSED, and
 * ERR_NSM_DEVICE with the system's error as `cause`.
 */
export function openDevice({ path, loadNative }: DeviceOptions): NsmExchange {
  const fd = openCharacterDevice(path)
  try {
    return new NsmDevice(fd, loadNative())
  } catch (error) {
    closeSync(fd)
    throw unavailable((error as Error).message, error)
  }
}

class NsmDevice implements NsmExchange {
  readonly #fd: number
  readonly #native: Native
  #closed = false
  /** Settles with the last request, never rejects. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(fd: number, native: Native) {
    this.#fd = fd
    this.#native = native
  }

  async exchange(request: Uint8Array): Promise<Uint8Array> {
    if (this.#closed) throw new NsmError('ERR_NSM_CLOSED', 'the Nitro Secure Module has been closed')
    if (request.length > MAX_REQUEST_LENGTH) throw tooLarge()
    // The driver serves one at a time: those that wait there would each hold one of the pool's few threads.
    const answer = this.#turn.then(() => this.#ioctl(request))
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  /** Not before the last ioctl has ended: the number may belong to somebody else at once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    void this.#turn.then(() => closeSync(this.#fd))
  }

  #ioctl(request: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const started = this.#native.nsmRequest(this.#fd, request, (answer) => {
        if (typeof answer === 'number') reject(failure(answer))
        else resolve(answer)
      })
      if (started < 0) reject(failure(started))
    })
  }
}

function openCharacterDevice(path: string): number {
  const fd = open(path)
  if (fstatSync(fd).isCharacterDevice()) return fd
  closeSync(fd)
  throw unavailable(`${path} is not a character device`)
}

function open(path: string): number {
  try {
    // Node adds O_CLOEXEC.
    return openSync(path, 'r+')
  } catch (error) {
    throw unavailable(reason(path, error as NodeJS.ErrnoException), error)
  }
}

function reason(path: string, { code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO':
      return `there is no Nitro Secure Module at ${path}: this process does not run in a Nitro enclave, or nsm.ko is not loaded; on other machines the simulator takes its place`
    case 'EACCES':
    case 'EPERM':
      return `this process may not open ${path}: it needs permission to read and write`
    default:
      return message
  }
}

function failure(result: number): NsmError {
  if (result === -constants.errno.EMSGSIZE) return tooLarge()
  const cause = systemError(result, 'ioctl')
  return new NsmError('ERR_NSM_DEVICE', `the Nitro Secure Module's device failed: ${cause.code}`, { cause })
}

function tooLarge(): NsmError {
  return new NsmError(
    'ERR_NSM_INPUT_TOO_LARGE',
    `the module takes requests of ${MAX_REQUEST_LENGTH} bytes at most`,
  )
}

function unavailable(message: string, cause?: unknown): NsmError {
  return new NsmError('ERR_NSM_UNAVAILABLE', message, cause === undefined ? undefined : { cause })
}
