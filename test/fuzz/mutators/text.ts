/** Lines of text: moved, doubled, removed, indented. */
import type { Mutator } from '../target.js'

const utf8 = new TextDecoder()

export const mutateLines: Mutator = (bytes, { random, other }) => {
  const lines = utf8.decode(bytes).split('\n')
  const at = random.below(lines.length)
  const line = lines[at] ?? ''
  switch (random.below(6)) {
    case 0:
      lines.splice(at, 1 + random.below(3))
      break
    case 1:
      lines.splice(random.below(lines.length), 0, line)
      break
    case 2:
      lines[at] = random.once(2) ? ` ${line}` : line.replace(/^ /, '')
      break
    case 3:
      lines.splice(at, 0, ...lines.splice(random.below(lines.length), 1 + random.below(3)))
      break
    case 4: {
      const others = utf8.decode(other()).split('\n')
      lines.splice(at, random.below(2), random.pick(others))
      break
    }
    default: {
      // Many of one line.
      const times = 1 + random.below(random.once(8) ? 200 : 8)
      lines.splice(at, 0, ...Array.from({ length: times }, () => line))
    }
  }
  return Buffer.from(lines.join('\n'))
}
