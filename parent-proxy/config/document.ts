/**
 * YAML into a plain value, each part with its place in the file. Of YAML 1.2 (yaml.org/spec/1.2.2) only what a
 * configuration needs: one document, the core schema's tags, no key twice; depth, symbols and aliases are bounded.
 */
import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  Parser,
  type Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { located, type Path, type Place, type Problem } from './problems.js'

/** Collections inside one another: the composer calls itself for each, and the stack has an end. */
const MAX_DEPTH = 32
/** Lexical symbols, about 20 for an entry of the allowlist; a second's work or two. */
const MAX_SYMBOLS = 250_000
/** How many nodes the aliases of one anchor may stand for. */
const MAX_ALIASED = 100

/** Errors of syntax: a bracket that is not closed has an echo in each line after it. */
const MAX_FAULTS = 10

type Part = Alias | Scalar | YAMLMap | YAMLSeq

export interface ConfigDocument {
  readonly value: unknown
  /** What the syntax allows, and a configuration does not. */
  readonly problems: readonly Problem[]
  /** Of the value at `path`, or of its key; of what encloses it, where the file has no such thing. */
  place(path: Path, part?: 'value' | 'key'): Place
}

/** A document, or why there is none. */
export type DocumentReading =
  | { readonly document: ConfigDocument }
  | { readonly problems: readonly Problem[] }

/** Bounded before anything recursive sees it. */
function* tokens(text: string, counter: LineCounter) {
  const parser = new Parser(counter.addNewLine)
  counter.addNewLine(0)
  let symbols = 0
  for (const symbol of new Lexer().lex(text)) {
    yield* parser.next(symbol)
    if (parser.stack.length > MAX_DEPTH) throw new Error(`nested deeper than ${MAX_DEPTH}`)
    symbols += 1
    if (symbols > MAX_SYMBOLS) throw new Error(`more than ${MAX_SYMBOLS} symbols`)
  }
  yield* parser.end()
}

const compose = (text: string, counter: LineCounter): readonly Document[] => {
  const composer = new Composer({
    lineCounter: counter,
    prettyErrors: false,
    schema: 'core',
    resolveKnownTags: false,
    stringKeys: true,
    // Its own search compares every key with every other one.
    uniqueKeys: false,
  })
  const documents: Document[] = []
  for (const document of composer.compose(tokens(text, counter), true, text.length)) {
    documents.push(document)
    if (documents.length > 1) break
  }
  return documents
}

const partOf = (node: unknown): Part | undefined =>
  isScalar(node) || isAlias(node) || isCollection(node) ? (node as Part) : undefined

const offsetOf = (node: Part): number => node.range?.[0] ?? 0

const keyOf = (key: unknown): string => String(isScalar(key) ? key.value : key)

/** What each alias stands for, each mapping's pairs by their keys, and what is wrong with either. */
const survey = (root: Part | undefined, report: (node: Part, path: Path, message: string) => void) => {
  const anchors = new Map<string, Part>()
  const targets = new Map<Alias, Part>()
  const pairs = new Map<YAMLMap, Map<string, Pair>>()
  let complete = true
  const visit = (node: Part | undefined, path: Path): void => {
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target !== undefined) targets.set(node, target)
      else {
        complete = false
        report(node, path, `no anchor &${node.source} stands before its alias`)
      }
    } else if (isMap(node)) {
      const seen = new Map<string, Pair>()
      pairs.set(node, seen)
      for (const pair of node.items) {
        const name = keyOf(pair.key)
        const key = partOf(pair.key)
        if (seen.has(name) && key !== undefined) report(key, [...path, name], 'given twice')
        seen.set(name, pair)
        visit(partOf(pair.value), [...path, name])
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) visit(partOf(item), [...path, index])
    }
    // Only now: what contains itself is no configuration.
    if (node !== undefined && !isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node)
  }
  visit(root, [])
  return { targets, pairs, complete }
}

/** The library draws a picture below its words. */
const words = (message: string): string => message.split('\n', 1)[0] ?? ''

/** Reads `text`, whose size is the caller's to bound; throws nothing. */
export const readDocument = (text: string): DocumentReading => {
  const counter = new LineCounter()
  const placeAt = (offset: number): Place => {
    const { line, col } = counter.linePos(offset)
    return { line, column: col }
  }

  let documents: readonly Document[]
  try {
    documents = compose(text, counter)
  } catch (error) {
    return { problems: [{ line: counter.lineStarts.length, column: 1, message: (error as Error).message }] }
  }
  const [document, second] = documents
  const asProblem = ({ pos, message }: YAMLError): Problem => ({
    ...placeAt(pos[0]),
    message: words(message),
  })
  if (document === undefined || document.errors.length > 0) {
    return { problems: (document?.errors ?? []).slice(0, MAX_FAULTS).map(asProblem) }
  }
  const problems = document.warnings.slice(0, MAX_FAULTS).map(asProblem)
  if (second !== undefined) {
    const message = 'one document is read, and here begins another'
    problems.push({ ...placeAt(second.range?.[0] ?? 0), message })
  }

  const root = partOf(document.contents)
  const { targets, pairs, complete } = survey(root, (node, path, message) => {
    problems.push({ ...placeAt(offsetOf(node)), message: located(path, message) })
  })
  if (!complete) return { problems }

  const place = (path: Path, part: 'value' | 'key' = 'value'): Place => {
    let node = root
    let offset = root === undefined ? 0 : offsetOf(root)
    for (const [index, step] of path.entries()) {
      const within = isAlias(node) ? targets.get(node) : node
      const pair = isMap(within) ? pairs.get(within)?.get(String(step)) : undefined
      node = partOf(isSeq(within) ? within.items[Number(step)] : pair?.value)
      const key = partOf(pair?.key)
      const found = (part === 'key' && index === path.length - 1 ? key : node) ?? key
      if (found === undefined) break
      offset = offsetOf(found)
    }
    return placeAt(offset)
  }

  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASED })
  } catch {
    // All else that it throws for is ruled out above.
    const message = `an anchor's aliases stand for more than ${MAX_ALIASED} values: write some of them out`
    return { problems: [...problems, { line: 1, column: 1, message }] }
  }
  return { document: { value, problems, place } }
}
