import { afterEach, describe, expect, it, vi } from 'vitest'
import { nodePrimitives } from '../../../shared/crypto/node.js'
import { webPrimitives } from '../../../shared/crypto/web.js'
import { refusal } from '../../support/errors.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

describe.each([
  ['node:crypto', nodePrimitives],
  ['WebCrypto', webPrimitives],
])('equality by %s', (_, { equal }) => {
  it.each([
    ['of two empty ones', [], [], true],
    ['of the same', [1, 2, 3], [1, 2, 3], true],
    ['of others in the first byte', [1, 2, 3], [0, 2, 3], false],
    ['of others in the last bit', [1, 2, 3], [1, 2, 2], false],
    // Their differences must not cancel each other.
    ['of two bytes that differ alike', [1, 1], [2, 2], false],
    ['of a shorter one', [1, 2], [1, 2, 0], false],
    ['of a longer one', [1, 2, 0], [1, 2], false],
  ])('%s', (_, a, b, equals) => {
    expect(equal(Uint8Array.from(a), Uint8Array.from(b))).toBe(equals)
  })
})

it.each([
  ['without crypto', undefined],
  ['with a crypto that has no subtle, as on pages that came without TLS', {}],
])('%s: ERR_WEBCRYPTO', async (_, crypto) => {
  vi.stubGlobal('crypto', crypto)
  expect(await refusal(() => webPrimitives.sha384(new Uint8Array()))).toMatchObject({
    name: 'OperationError',
    code: 'ERR_WEBCRYPTO',
    message: expect.stringContaining('https'),
  })
})
