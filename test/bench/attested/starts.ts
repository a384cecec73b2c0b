/** From the start of a process to its first attested byte, beside a Node that starts and ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { median, type Result, result } from '../result.js'
import { ENVIRONMENT } from './environment.js'

const STARTS = 41

export async function benchFirstByte(bundle: string, file: string): Promise<readonly Result[]> {
  const firstByte: number[] = []
  const empty: number[] = []
  // The first of each brings the files into memory.
  for (let i = 0; i <= STARTS; i++) {
    const times = [await untilOutput([bundle, file]), await untilEnd(['-e', '0'])] as const
    if (i === 0) continue
    firstByte.push(times[0])
    empty.push(times[1])
  }
  return [
    result(
      'first attested byte, from the start of the process',
      'ms',
      median(firstByte),
      { 'an empty node -e 0': median(empty) },
      firstByte,
    ),
  ]
}

async function untilOutput(args: readonly string[]): Promise<number> {
  const begin = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: ENVIRONMENT })
  const ended = once(child, 'exit')
  let time = Number.NaN
  child.stdout.once('data', () => {
    time = performance.now() - begin
  })
  await ended
  if (Number.isNaN(time)) throw new Error('the program ended without an attested byte')
  return time
}

async function untilEnd(args: readonly string[]): Promise<number> {
  const begin = performance.now()
  await once(spawn(process.execPath, args, { stdio: 'ignore', env: ENVIRONMENT }), 'exit')
  return performance.now() - begin
}
