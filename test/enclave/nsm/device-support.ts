import { fstatSync, readdirSync, readlinkSync } from 'node:fs'
import type { NsmExchange } from '../../../enclave/nsm/exchange.js'
import type { Native, Result } from '../../../native/index.js'

type Done = (result: Result | Uint8Array) => void

export interface FakeNative {
  readonly native: Native
  /** What the driver was given, by the time of the call. */
  readonly requests: { readonly fd: number; readonly request: Uint8Array }[]
  /** What the pool was given, copied. */
  readonly entropy: { readonly bytes: Uint8Array; readonly device: number }[]
}

export interface FakeAnswers {
  /** Answers a request; 0 or a negative errno at once, as the addon. */
  readonly nsmRequest?: (request: Uint8Array, done: Done) => Result
  readonly addEntropy?: () => Result
}

/** The addon's part that concerns the module. Nothing here reaches a driver or the kernel's pool. */
export function fakeNative({ nsmRequest, addEntropy }: FakeAnswers): FakeNative {
  const requests: FakeNative['requests'] = []
  const entropy: FakeNative['entropy'] = []
  const native = {
    nsmRequest(fd: number, request: Uint8Array, done: Done): Result {
      requests.push({ fd, request: request.slice() })
      return nsmRequest?.(request, done) ?? 0
    },
    addEntropy(fd: number, bytes: Uint8Array): Result {
      entropy.push({ bytes: bytes.slice(), device: fstatSync(fd).rdev })
      return addEntropy?.() ?? 0
    },
  } as Partial<Native> as Native
  return { native, requests, entropy }
}

/** An addon whose driver is another module, in a later turn. */
export function answeredBy(device: NsmExchange): NonNullable<FakeAnswers['nsmRequest']> {
  return (request, done) => {
    void device.exchange(request.slice()).then((answer) => setImmediate(done, answer))
    return 0
  }
}

export function isOpen(fd: number): boolean {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

/** How many of this process's descriptors are of this file. */
export function descriptorsOf(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      // The one that lists them is gone by now.
      return false
    }
  }).length
}
