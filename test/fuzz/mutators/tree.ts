/** Changes of a tree that leave each of its nodes well formed. */
import type { Random } from '../random.js'

export interface Branch<T> {
  children: T[]
}

/** The node and everything below it. */
export function nodesOf<T extends Branch<T>>(root: T): T[] {
  return [root, ...root.children.flatMap((child) => nodesOf(child))]
}

/** Removes, doubles, exchanges or brings in a node, from the tree itself or from another one. */
export function restructure<T extends Branch<T>>(root: T, other: () => T | undefined, random: Random): void {
  const parent = random.pick(
    nodesOf(root)
      .filter(({ children }) => children.length > 0)
      .concat(root),
  )
  const { children } = parent
  const at = random.below(children.length)
  const one = children[at]
  switch (random.below(6)) {
    case 0:
      children.splice(at, 1)
      break
    case 1:
      if (one !== undefined) children.splice(at, 0, structuredClone(one))
      break
    case 2: {
      const second = random.below(children.length)
      const two = children[second]
      if (one !== undefined && two !== undefined) {
        children[at] = two
        children[second] = one
      }
      break
    }
    case 3:
      children.splice(at, 1, structuredClone(random.pick(nodesOf(root))))
      break
    case 4:
      // A level more.
      if (one !== undefined) children[at] = { ...structuredClone(one), children: [one] }
      break
    default:
      children.splice(at, random.below(2), structuredClone(random.pick(nodesOf(other() ?? root))))
  }
}
