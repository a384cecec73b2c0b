/** CBOR as a tree, of well-formed and of nearly well-formed items: heads and contents change one by one. */
import type { MutationContext, Mutator } from '../target.js'
import { BYTE_MUTATORS } from './bytes.js'
import { type Branch, nodesOf, restructure } from './tree.js'

/** A map's children are its keys and values in turn; a tag's child is what it tags. */
export interface CborNode extends Branch<CborNode> {
  major: number
  /** The number itself, or the tag or simple value; the others count their own. */
  value: bigint
  /** Bytes of the argument at least, or no length at all. */
  width: number | 'indefinite'
  content: Uint8Array
  /** What the head counts beyond what is there. */
  excess: bigint
}

const [BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE] = [2, 3, 4, 5, 6, 7] as const
const MAX_DEPTH = 24
const MAX_NODES = 5_000

/** Undefined for what cannot be read: less strictly than the product reads. */
export function readTree(bytes: Uint8Array): CborNode | undefined {
  const reader = new Reader(bytes)
  return reader.node(0)
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0
  #nodes = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  node(depth: number): CborNode | undefined {
    const initial = this.#bytes[this.#at]
    if (initial === undefined || depth > MAX_DEPTH || ++this.#nodes > MAX_NODES) return undefined
    this.#at += 1
    const major = initial >> 5
    const info = initial & 0x1f
    if (info > 27 && info < 31) return undefined
    if (info === 31) return this.#indefinite(major, depth)
    const width = info < 24 ? 0 : 1 << (info - 24)
    if (this.#at + width > this.#bytes.length) return undefined
    let value = BigInt(info)
    if (width > 0) {
      const argument = this.#bytes.subarray(this.#at, this.#at + width)
      value = argument.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    }
    this.#at += width
    const made: CborNode = { major, value, width, content: new Uint8Array(0), excess: 0n, children: [] }
    if (major === BYTES || major === TEXT) {
      if (value > BigInt(this.#bytes.length - this.#at)) return undefined
      made.content = this.#bytes.slice(this.#at, this.#at + Number(value))
      this.#at += Number(value)
    }
    const children = major === ARRAY ? value : major === MAP ? 2n * value : major === TAG ? 1n : 0n
    for (let i = 0n; i < children; i++) {
      const child = this.node(depth + 1)
      if (child === undefined) return undefined
      made.children.push(child)
    }
    return made
  }

  #indefinite(major: number, depth: number): CborNode | undefined {
    const children: CborNode[] = []
    if (major < BYTES || major > MAP) return undefined
    while (this.#bytes[this.#at] !== 0xff) {
      const child = this.node(depth + 1)
      if (child === undefined) return undefined
      children.push(child)
    }
    this.#at += 1
    return { major, value: 0n, width: 'indefinite', content: new Uint8Array(0), excess: 0n, children }
  }
}

export function writeTree(node: CborNode): Uint8Array {
  const { major, width } = node
  const children = node.children.map(writeTree)
  if (width === 'indefinite')
    return Buffer.concat([Uint8Array.of((major << 5) | 31), ...children, Uint8Array.of(0xff)])
  const counts = [0n, 0n, BigInt(node.content.length), BigInt(node.content.length)]
  counts.push(BigInt(children.length), BigInt(children.length >> 1))
  const counted = major >= BYTES && major <= MAP ? (counts[major] ?? 0n) + node.excess : node.value
  return Buffer.concat([head(major, counted < 0n ? 0n : counted, width), node.content, ...children])
}

function head(major: number, value: bigint, least: number): Uint8Array {
  const needed = value < 24n ? 0 : value < 0x100n ? 1 : value < 0x10000n ? 2 : value < 0x100000000n ? 4 : 8
  const width = Math.max(needed, least)
  if (width === 0) return Uint8Array.of((major << 5) | Number(value))
  const argument = Array.from({ length: width }, (_, i) =>
    Number((value >> BigInt(8 * (width - 1 - i))) & 0xffn),
  )
  return Uint8Array.of((major << 5) | (24 + Math.log2(width)), ...argument)
}

const NUMBERS = [
  0n,
  1n,
  23n,
  24n,
  31n,
  32n,
  255n,
  256n,
  65535n,
  65536n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
]

/** Changes one thing of a tree, in place. */
export function changeTree(root: CborNode, context: MutationContext): void {
  const { random } = context
  const node = random.pick(nodesOf(root))
  switch (random.below(8)) {
    case 0:
      node.major = random.below(8)
      if (node.major === SIMPLE) node.value = BigInt(random.below(32))
      break
    case 1:
      node.width = random.once(3) ? 'indefinite' : random.pick([1, 2, 4, 8])
      break
    case 2:
      node.value = random.once(2)
        ? random.pick(NUMBERS)
        : BigInt.asUintN(64, node.value + BigInt(random.below(5) - 2))
      break
    case 3:
      if (random.once(4)) node.excess = random.once(2) ? random.pick(NUMBERS) : BigInt(random.below(5) - 2)
      break
    case 4:
    case 5:
      changeContent(random.pick(stringsOf(root).concat(node)), context)
      break
    default:
      restructure(root, () => readTree(context.other()), random)
  }
}

function stringsOf(root: CborNode): CborNode[] {
  return nodesOf(root).filter(({ major }) => major === BYTES || major === TEXT)
}

function changeContent(node: CborNode, context: MutationContext): void {
  const inner = context.random.once(2) ? readTree(node.content) : undefined
  if (inner !== undefined && node.content.length > 1) {
    // CBOR inside a byte string: protected headers and payloads.
    changeTree(inner, context)
    node.content = writeTree(inner)
  } else node.content = someBytes(node.content, context)
}

function someBytes(content: Uint8Array, context: MutationContext): Uint8Array {
  const { random } = context
  if (random.once(4)) return random.bytes(random.pick([0, 1, 31, 32, 33, 47, 48, 49, 64, 96, 97, 1024, 1025]))
  return random.pick(BYTE_MUTATORS)(content, context)
}

export const mutateCbor: Mutator = (bytes, context) => {
  const tree = readTree(bytes)
  if (tree === undefined) return bytes
  changeTree(tree, context)
  return writeTree(tree)
}
