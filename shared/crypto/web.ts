/** The primitives by WebCrypto: browsers, workers, and Node where it is asked for. */
import { OperationError } from '../errors.js'
import type { Primitives } from './primitives.js'

/** Named by what makes it: browsers and Node have it under names of their own. */
type SubtleCrypto = typeof crypto.subtle
type Key = Awaited<ReturnType<SubtleCrypto['importKey']>>

const P384 = { name: 'ECDSA', namedCurve: 'P-384' } as const
const SHA384 = { name: 'ECDSA', hash: 'SHA-384' } as const

/** Throws OperationError ERR_WEBCRYPTO where there is no WebCrypto, as on pages that came without TLS. */
export const webPrimitives: Primitives<Key> = {
  importKey: async (point) => await subtle().importKey('raw', unshared(point), P384, false, ['verify']),
  verify: async (key, data, signature) =>
    await subtle().verify(SHA384, key, unshared(signature), unshared(data)),
  sha384: async (data) => new Uint8Array(await subtle().digest('SHA-384', unshared(data))),
  equal: (a, b) => {
    let difference = a.length ^ b.length
    a.forEach((byte, i) => {
      difference |= byte ^ (b[i] ?? 0)
    })
    return difference === 0
  },
}

/** Memory shared between threads is refused by WebCrypto (Web IDL, section 3.3, [AllowShared]). */
function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes)
}

function subtle(): SubtleCrypto {
  // Typed as always there; a page without TLS has none (Web Cryptography API, section 10).
  const found: SubtleCrypto | undefined = globalThis.crypto?.subtle
  if (found === undefined) {
    throw new OperationError(
      'ERR_WEBCRYPTO',
      'there is no WebCrypto here; browsers have it on https pages only',
    )
  }
  return found
}
