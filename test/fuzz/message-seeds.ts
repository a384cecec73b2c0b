/** Requests of the control port, good ones, and the words that they are made of. */
import fc from 'fast-check'

const EXAMPLES = [
  { type: 'status' },
  { type: 'generateRandom', numberOfBytes: 32 },
  {
    type: 'setCredentials',
    accessKeyId: 'ASIAEXAMPLE',
    secretAccessKey: 'not-a-secret',
    sessionToken: 'not-a-token',
    expiration: '2026-03-01T12:00:00Z',
  },
]
export const REQUESTS: readonly string[] = EXAMPLES.map((one) => JSON.stringify(one))

const name = fc.constantFrom(
  ...[
    'type',
    'accessKeyId',
    'secretAccessKey',
    'sessionToken',
    'expiration',
    'numberOfBytes',
    '__proto__',
    'x',
  ],
)
const value = fc.oneof(
  fc.constantFrom(
    'status',
    'generateRandom',
    'setCredentials',
    '2026-03-01T12:00:00Z',
    1,
    1024,
    1025,
    -0,
    1.5,
  ),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** Objects of the right and of wrong members. */
export const anyRequest: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom(...EXAMPLES), fc.dictionary(name, value, { maxKeys: 4 }))
  .map(([example, changes]) => JSON.stringify({ ...example, ...changes }))

export const WORDS: readonly Uint8Array[] = [
  ...[
    '"',
    '{',
    '}',
    '[',
    ':',
    ',',
    '\\u0000',
    '\\ud800',
    '1e999',
    'null',
    '"type":"status"',
    '"__proto__":{}',
    '\n',
  ],
  ...['"numberOfBytes":', '"expiration":', '2026-03-01T12:00:00.000+02:00', '\u2028', '\u202e', '[[[['],
].map((word) => new Uint8Array(Buffer.from(word)))
