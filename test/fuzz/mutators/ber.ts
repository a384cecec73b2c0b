/** BER as a tree, of well-formed and of nearly well-formed values: tags, lengths and contents change one by one. */
import type { Random } from '../random.js'
import type { MutationContext, Mutator } from '../target.js'
import { BYTE_MUTATORS } from './bytes.js'
import { type Branch, nodesOf, restructure } from './tree.js'

export interface BerNode extends Branch<BerNode> {
  identifier: number
  /** Bytes of the length beyond the fewest, or no length at all. */
  length: number | 'indefinite'
  content: Uint8Array
}

const CONSTRUCTED = 0x20
const MAX_DEPTH = 24

/** Undefined for what cannot be read. Reads less strictly than the product: any length, any end. */
export function readTree(bytes: Uint8Array): BerNode | undefined {
  return nodesIn(bytes, 0)?.nodes[0]
}

function nodesIn(
  bytes: Uint8Array,
  depth: number,
  untilEnd = false,
): { nodes: BerNode[]; used: number } | undefined {
  const nodes: BerNode[] = []
  let at = 0
  while (at < bytes.length) {
    if (untilEnd && bytes[at] === 0 && bytes[at + 1] === 0) return { nodes, used: at + 2 }
    const [identifier = 0, first] = bytes.subarray(at)
    if (first === undefined || depth > MAX_DEPTH) return undefined
    const isConstructed = (identifier & CONSTRUCTED) !== 0
    at += 2
    if (first === 0x80) {
      const inner = isConstructed ? nodesIn(bytes.subarray(at), depth + 1, true) : undefined
      if (inner === undefined) return undefined
      nodes.push({ identifier, length: 'indefinite', content: new Uint8Array(0), children: inner.nodes })
      at += inner.used
      continue
    }
    const more = first > 0x80 ? first & 0x7f : 0
    const length =
      more === 0 ? first : bytes.subarray(at, at + more).reduce((sum, byte) => sum * 256 + byte, 0)
    at += more
    if (at + length > bytes.length) return undefined
    const content = bytes.slice(at, at + length)
    const inner = isConstructed ? nodesIn(content, depth + 1) : undefined
    nodes.push(
      inner === undefined
        ? { identifier, length: 0, content, children: [] }
        : { identifier, length: 0, content: new Uint8Array(0), children: inner.nodes },
    )
    at += length
  }
  return untilEnd ? undefined : { nodes, used: at }
}

export function writeTree(node: BerNode): Uint8Array {
  const content = node.children.length > 0 ? Buffer.concat(node.children.map(writeTree)) : node.content
  if (node.length === 'indefinite') {
    return Buffer.concat([Uint8Array.of(node.identifier, 0x80), content, Uint8Array.of(0, 0)])
  }
  return Buffer.concat([Uint8Array.of(node.identifier), lengthOctets(content.length, node.length), content])
}

function lengthOctets(length: number, more: number): Uint8Array {
  if (length < 0x80 && more === 0) return Uint8Array.of(length)
  const octets: number[] = []
  for (let rest = length; rest > 0 || octets.length === 0; rest = Math.floor(rest / 256))
    octets.unshift(rest % 256)
  return Uint8Array.of(0x80 + octets.length + more, ...new Uint8Array(more), ...octets)
}

/** Tags and contents that certificates and envelopes know, and neighbours of them. */
const IDENTIFIERS = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x1f, 0x24, 0x30, 0x31, 0x80, 0x82,
  0xa0, 0xa1, 0xa2, 0xa3,
]

/** Changes one thing of a tree, in place. */
export function changeTree(root: BerNode, context: MutationContext): void {
  const { random } = context
  const node = random.pick(nodesOf(root))
  switch (random.below(7)) {
    case 0:
      node.identifier = random.once(2) ? random.pick(IDENTIFIERS) : node.identifier ^ (1 << random.below(8))
      break
    case 1:
      node.length = random.once(2) ? 'indefinite' : 1 + random.below(3)
      break
    case 2:
    case 3:
      changeContent(
        random.pick(
          nodesOf(root)
            .filter(({ children }) => children.length === 0)
            .concat(node),
        ),
        context,
      )
      break
    case 4:
      chunk(node, random)
      break
    default:
      restructure(root, () => readTree(context.other()), random)
  }
}

function changeContent(node: BerNode, context: MutationContext): void {
  const inner = context.random.once(2) ? readTree(node.content) : undefined
  if (inner !== undefined) {
    // What stands inside an OCTET STRING: extensions, mostly.
    changeTree(inner, context)
    node.content = writeTree(inner)
  } else node.content = context.random.pick(BYTE_MUTATORS)(node.content, context)
}

/** A string in pieces, as a streaming writer leaves it. */
function chunk(node: BerNode, random: Random): void {
  const at = random.below(node.content.length)
  const half = (content: Uint8Array): BerNode => ({ identifier: 0x04, length: 0, content, children: [] })
  node.children = [half(node.content.slice(0, at)), half(node.content.slice(at))]
  node.identifier |= CONSTRUCTED
  node.length = random.once(2) ? 'indefinite' : 0
}

export const mutateBer: Mutator = (bytes, context) => {
  const tree = readTree(bytes)
  if (tree === undefined) return bytes
  changeTree(tree, context)
  return writeTree(tree)
}
