/**
 * Certificates of paths that were verified, by their bytes. What is remembered are facts that no time and no trust
 * anchor can change: that these bytes read as this certificate, and that the key in those bytes signed these. Dates,
 * CA flags, path lengths and the pinned root are looked at anew each time.
 */
import { sameBytes, toText } from './bytes.js'
import type { Certificate } from './certificate.js'

export interface KnownCertificate<Key> {
  /** DER; a copy, which nobody else has. */
  readonly der: Uint8Array
  readonly certificate: Certificate
  readonly key: Key
  /** `der` of the certificate whose key signed this one; undefined for the first of a path. */
  readonly signer: Uint8Array | undefined
}

/** A certificate ends with its signature: this much of it tells any two apart that were not made to collide. */
const TAIL = 16

export class KnownCertificates<Key> {
  /** By their tails, in the order of use, the most recent last. */
  readonly #certificates = new Map<string, KnownCertificate<Key>>()
  readonly #capacity: number

  /** `capacity`: certificates, of 4 KiB or so each. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  find(der: Uint8Array): KnownCertificate<Key> | undefined {
    const tail = tailOf(der)
    const found = this.#certificates.get(tail)
    if (found === undefined || !sameBytes(found.der, der)) return undefined
    this.#touch(tail, found)
    return found
  }

  /** Only of a path that was verified to its root: strangers cannot fill it with what they made themselves. */
  remember(path: readonly KnownCertificate<Key>[]): void {
    for (const known of path) this.#touch(tailOf(known.der), known)
    for (const oldest of this.#certificates.keys()) {
      if (this.#certificates.size <= this.#capacity) break
      this.#certificates.delete(oldest)
    }
  }

  #touch(tail: string, known: KnownCertificate<Key>): void {
    this.#certificates.delete(tail)
    this.#certificates.set(tail, known)
  }
}

/** The same of roots alone. A caller names them as trusted: what is kept of them was learned from no document. */
export class KnownRoots<Key> extends KnownCertificates<Key> {
  override remember([root]: readonly KnownCertificate<Key>[]): void {
    if (root !== undefined) super.remember([root])
  }
}

function tailOf(der: Uint8Array): string {
  return toText(der.subarray(-TAIL))
}
