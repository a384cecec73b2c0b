/**
 * What verification needs of a platform: ECDSA on P-384 with SHA-384, one digest, one comparison. Node's and the
 * browser's are interchangeable; nothing else of `nitro-enclave-sdk/attestation` knows where it runs.
 */
export interface Primitives<Key> {
  /** `point` is 04 || x || y, 97 bytes (SEC 1, section 2.3.3). Throws or rejects when it is not on the curve. */
  importKey(point: Uint8Array): Key | Promise<Key>
  /** `signature` is r || s, 96 bytes; high-S is accepted. False when it is wrong, whatever is wrong with it. */
  verify(key: Key, data: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>
  sha384(data: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** In a time that depends on the lengths alone. */
  equal(a: Uint8Array, b: Uint8Array): boolean
}
