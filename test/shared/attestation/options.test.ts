import { createHash } from 'node:crypto'
import { expect, it, onTestFinished, vi } from 'vitest'
import { readTrust } from '../../../shared/attestation/options.js'
import { NOW } from '../../support/certificates.js'

it('trusts the AWS Nitro Enclaves root G1 alone, by the clock and with a minute of tolerance, unless told otherwise', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW })
  onTestFinished(() => void vi.useRealTimers())
  const { roots, ...others } = readTrust({})
  // As AWS publishes it.
  expect(roots.map((root) => createHash('sha256').update(root).digest('hex'))).toEqual([
    '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b',
  ])
  expect(others).toEqual({ now: NOW, cache: true, clockTolerance: 60_000 })
})

it('trusts other roots in its place, not as well', () => {
  const root = Uint8Array.of(1, 2, 3)
  expect(readTrust({ roots: [root], now: NOW, cache: false, clockTolerance: 0 })).toEqual({
    roots: [root],
    now: NOW,
    cache: false,
    clockTolerance: 0,
  })
})
