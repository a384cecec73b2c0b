/** Did the parent see anything? A search for secrets in what it forwarded: raw, as hex and as base64. */

/** Shorter ones are found by chance. */
export const SHORTEST = 8

/** True when a stream holds one of the secrets in any of the three forms. Secrets under 8 bytes are not looked for. */
export function containsAny(streams: readonly Uint8Array[], secrets: readonly Uint8Array[]): boolean {
  const needles = secrets.filter(({ length }) => length >= SHORTEST).flatMap(forms)
  return streams.some((stream) => {
    const haystack = Buffer.from(stream)
    return needles.some((needle) => haystack.includes(needle))
  })
}

function forms(secret: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  return [bytes, Buffer.from(hex), Buffer.from(hex.toUpperCase()), ...base64Forms(bytes)]
}

/** Inside a longer text base64 depends on where the secret starts, modulo three: whole groups only. */
function base64Forms(bytes: Buffer): readonly Buffer[] {
  return [0, 1, 2].flatMap((skip) => {
    const groups = bytes.subarray(skip, skip + Math.floor((bytes.length - skip) / 3) * 3)
    return [Buffer.from(groups.toString('base64')), Buffer.from(groups.toString('base64url'))]
  })
}
