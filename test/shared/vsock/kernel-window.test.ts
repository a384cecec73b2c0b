import { describe, expect, it } from 'vitest'
import { kernelTransportWith } from '../../../shared/vsock/index.js'
import { refusal } from '../../support/errors.js'

describe('a window of your own on AF_VSOCK', () => {
  it.each([0, 1_023, 16 * 1024 * 1024 + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -1])(
    'is not %d bytes',
    async (window) => {
      expect(await refusal(() => kernelTransportWith({ window }))).toMatchObject({
        name: 'UsageError',
        code: 'ERR_USAGE',
        message: expect.stringContaining('1024 to 16777216'),
      })
    },
  )

  // What it does to a peer is tested on real sockets, in a guest.
  it.each([undefined, 1_024, 3_072, 16 * 1024 * 1024])('may be %s', (window) => {
    expect(() => kernelTransportWith({ window })).not.toThrow()
  })
})
