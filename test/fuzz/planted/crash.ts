import type { Target } from '../target.js'

export const target: Target = {
  maxLength: 64,
  covers: ['test/fuzz/planted/'],
  seeds: () => [new Uint8Array(4)],
  refusals: [],
  run: (bytes) => {
    if (bytes[0] === 0xff) process.kill(process.pid, 'SIGKILL')
  },
}
