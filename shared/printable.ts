/** Text from a hostile peer, made fit for a message or a terminal. */

/** A message shows so many characters of a value that somebody else chose. */
const MAX_SHOWN = 64

/** Escapes control, formatting and line-breaking characters: none of them may drive a terminal or forge a log line. */
export function withoutControls(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

/** A value in a message: a number as it is, a text in quotes and cut short, anything else by its kind alone. */
export function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint' || value === undefined) return String(value)
  if (typeof value !== 'string') return 'neither a number nor a text'
  const cut = value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value
  return `"${withoutControls(cut)}"`
}
