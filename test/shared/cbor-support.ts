import fc from 'fast-check'
import type { CborKey, CborValue } from '../../shared/cbor.js'

const integer = (): fc.Arbitrary<number | bigint> =>
  fc
    .oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.bigInt({ min: -300n, max: 300n }),
      fc.constantFrom(...[8n, 16n, 32n, 53n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits, -(2n ** bits)])),
    )
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value))

/** Any Unicode text but one that starts with a byte order mark, which is not read. */
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.string({ unit: 'binary', maxLength }),
      fc.string({ unit: fc.constantFrom('a', 'é', '水', '𐅑', '\0', '\ufeff'), minLength: 60, maxLength: 70 }),
    )
    .filter((value) => !value.startsWith('\ufeff'))

const key = (): fc.Arbitrary<CborKey> => fc.oneof(integer(), text(8))

/** Values of every kind that is written, nested up to five deep. */
export function arbitraryCbor(): fc.Arbitrary<CborValue> {
  const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(
        fc.constantFrom(null, true, false),
        integer(),
        text(100),
        fc.uint8Array({ maxLength: 100 }).map((bytes) => Uint8Array.from(bytes)),
      ),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.array(fc.tuple(key(), tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
    ),
  }))
  return value
}
