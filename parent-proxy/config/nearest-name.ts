/** The known name that a misspelt one was meant to be. */

/** Edits that a slip of the finger makes. */
const MAX_EDITS = 2

/** Insertions, deletions, replacements and swaps of neighbours between two short words (optimal string alignment). */
const distance = (from: string, to: string): number => {
  let before: number[] = []
  let above = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      const swapped =
        from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1] ? (before[j - 2] ?? i) + 1 : replaced
      row.push(Math.min(replaced, swapped, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    before = above
    above = row
  }
  return above[to.length] ?? 0
}

/** Undefined where none is close: two edits at most, of less than half of the word; case counts for nothing. */
export const nearestName = (name: string, known: readonly string[]): string | undefined => {
  const close = known
    .filter((one) => Math.abs(one.length - name.length) <= MAX_EDITS)
    .map((one) => ({ one, edits: distance(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, edits }) => edits <= MAX_EDITS && edits < Math.max(one.length, name.length) / 2)
    .toSorted((a, b) => a.edits - b.edits)
  return close[0]?.one
}
