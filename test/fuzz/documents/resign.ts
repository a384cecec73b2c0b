/**
 * Changes of a document that are signed again: of its fields, of a certificate, of the chain. What comes out has good
 * signatures all along, unless the change took the keys away.
 */
import { type BerNode, changeTree as changeBer, writeTree as writeBer } from '../mutators/ber.js'
import {
  type CborNode,
  changeTree as changeCbor,
  readTree as readCbor,
  writeTree as writeCbor,
} from '../mutators/cbor.js'
import type { MutationContext, Mutator } from '../target.js'
import { pointIn, signedCertificate, tbsOf } from './chain.js'
import { standInSignature } from './stand-in.js'

interface Parts {
  /** The COSE_Sign1. */
  readonly envelope: CborNode
  /** Its payload's map. */
  readonly fields: CborNode
}

export const mutateSigned: Mutator = (bytes, context) => {
  const parts = partsOf(bytes)
  if (parts === undefined) return bytes
  const { random } = context
  switch (random.below(4)) {
    case 0:
      changeCbor(parts.fields, context)
      break
    case 1:
      changeChain(parts.fields, context)
      break
    default:
      changeCertificate(parts.fields, context)
  }
  return signedDocument(parts)
}

function partsOf(bytes: Uint8Array): Parts | undefined {
  const envelope = readCbor(bytes)
  const fields = envelope?.children[2] && readCbor(envelope.children[2].content)
  return envelope === undefined || fields === undefined ? undefined : { envelope, fields }
}

function field(fields: CborNode, name: string): CborNode | undefined {
  const at = fields.children.findIndex(
    (key, index) => index % 2 === 0 && Buffer.from(key.content).equals(Buffer.from(name)),
  )
  return at === -1 ? undefined : fields.children[at + 1]
}

/** Byte strings of certificates, root first, leaf last. */
function chainNodes(fields: CborNode): CborNode[] {
  const leaf = field(fields, 'certificate')
  const bundle = field(fields, 'cabundle')?.children ?? []
  return leaf === undefined ? [...bundle] : [...bundle, leaf]
}

function changeCertificate(fields: CborNode, context: MutationContext): void {
  const { random } = context
  const nodes = chainNodes(fields)
  if (nodes.length === 0) return
  // Seldom the root: another one is no trusted one.
  const at = random.once(16) ? 0 : 1 + random.below(nodes.length - 1)
  const node = nodes[at]
  const tbs = node && tbsOf(node.content)
  if (node === undefined || tbs === undefined) return
  const before = identityOf(tbs)
  changeBer(random.once(3) ? tbs : (tbs.children.at(-1) ?? tbs), context)
  node.content = signedCertificate(writeBer(tbs), issuerPoint(nodes, at))
  if (Buffer.compare(before, identityOf(tbs)) !== 0) signBelow(nodes, at, random.once(2))
}

/** What the certificate below rests on. */
function identityOf(tbs: BerNode): Uint8Array {
  const subject = tbs.children[5]
  return Buffer.concat([pointIn(tbs), subject === undefined ? new Uint8Array(0) : writeBer(subject)])
}

function issuerPoint(nodes: readonly CborNode[], at: number): Uint8Array {
  const issuer = nodes[Math.max(0, at - 1)]
  return pointIn(issuer && tbsOf(issuer.content))
}

/** Signs what stands below `at` again; `named` takes over the issuers' names, too. */
function signBelow(nodes: readonly CborNode[], at: number, named: boolean): void {
  for (let below = at + 1; below < nodes.length; below++) {
    const node = nodes[below]
    const issuer = nodes[below - 1]
    const tbs = node && tbsOf(node.content)
    const subject = issuer && tbsOf(issuer.content)?.children[5]
    if (node === undefined || tbs === undefined) continue
    if (named && subject !== undefined && tbs.children.length > 5) tbs.children[3] = structuredClone(subject)
    node.content = signedCertificate(writeBer(tbs), issuerPoint(nodes, below))
  }
}

/** One certificate more, one less, two exchanged, one of another document's. */
function changeChain(fields: CborNode, { random, other }: MutationContext): void {
  const bundle = field(fields, 'cabundle')
  const leaf = field(fields, 'certificate')
  if (bundle === undefined || leaf === undefined) return
  const { children } = bundle
  const at = random.below(children.length)
  switch (random.below(5)) {
    case 0:
      children.splice(at, 1)
      break
    case 1:
      children.splice(at, 0, structuredClone(random.pick(chainNodes(fields))))
      break
    case 2:
      leaf.content = Uint8Array.from(random.pick(chainNodes(fields)).content)
      break
    case 3: {
      const foreign = partsOf(other())
      const nodes = foreign === undefined ? [] : chainNodes(foreign.fields)
      if (nodes.length > 0) children.splice(at, random.below(2), structuredClone(random.pick(nodes)))
      break
    }
    default:
      children.splice(random.below(children.length), 0, ...children.splice(at, 1))
  }
  if (random.once(2)) signBelow(chainNodes(fields), 0, random.once(2))
}

const SIGNATURE1 = new Uint8Array(Buffer.from('Signature1'))

/** RFC 9052, section 4.4, with the stand-in's signature by the key in the leaf. */
export function signedDocument({ envelope, fields }: Parts): Uint8Array {
  const [header, , payload, signature] = envelope.children
  if (header === undefined || payload === undefined || signature === undefined) return writeCbor(envelope)
  payload.content = writeCbor(fields)
  const leaf = field(fields, 'certificate')
  const string = (major: number, content: Uint8Array): CborNode => ({
    major,
    value: 0n,
    width: 0,
    content,
    excess: 0n,
    children: [],
  })
  const parts = [
    string(3, SIGNATURE1),
    string(2, header.content),
    string(2, new Uint8Array(0)),
    string(2, payload.content),
  ]
  const structure = writeCbor({ ...string(4, new Uint8Array(0)), children: parts })
  signature.content = standInSignature(pointIn(leaf && tbsOf(leaf.content)), structure)
  return writeCbor(envelope)
}
