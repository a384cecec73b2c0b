/** Waiting, but not for ever. */
import { setTimeout as delay } from 'node:timers/promises'

export async function inTime<T>(promise: Promise<T>, milliseconds: number, late: () => Error): Promise<T> {
  const timer = new AbortController()
  const tooLate = delay(milliseconds, undefined, { signal: timer.signal }).then(() => {
    throw late()
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    timer.abort()
    tooLate.catch(() => undefined)
  }
}

export async function until(
  condition: () => boolean,
  milliseconds: number,
  late: () => Error,
): Promise<void> {
  const deadline = performance.now() + milliseconds
  while (!condition()) {
    if (performance.now() > deadline) throw late()
    await delay(20)
  }
}
