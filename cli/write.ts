/** One line on standard output. */
export function write(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** One JSON object. Characters that could drive a terminal stand in strings only, where JSON can escape them. */
export function writeJson(value: object): void {
  const text = JSON.stringify(value, null, 2)
  const escaped = (character: string) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  // By code units: a character beyond U+FFFF is two escapes.
  write(text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => found.split('').map(escaped).join('')))
}
