/** docs/verification.md keeps its word: its codes are codes, its tests are there, and nothing that is refused is left out. */
import { existsSync, readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

interface Rule {
  readonly rule: string
  readonly codes: readonly string[]
  readonly tests: readonly { readonly file: string; readonly title: string }[]
}

const HEAD = "| Rule | AWS's text | Hardware | Here | Code | Test |"

/** The rows of the tables that have this head, each of six cells. */
function rules(): readonly Rule[] {
  const tables = read('docs/verification.md').split(HEAD).slice(1)
  const rows = tables.flatMap((text) => {
    const [, ruler, ...lines] = text.split('\n')
    if (ruler?.startsWith('| ---') !== true) throw new Error('a head without its ruler')
    const end = lines.findIndex((line) => !line.startsWith('|'))
    return end === -1 ? lines : lines.slice(0, end)
  })
  return rows.map((line) => {
    const cells = line.slice(2, -2).split(' | ')
    const [rule = '', , , , code = '', test = ''] = cells
    if (cells.length !== 6) throw new Error(`not six cells: ${line}`)
    return {
      rule,
      codes: [...code.matchAll(/`(ERR_[A-Z0-9_]+)`/g)].map(([, name = '']) => name),
      tests: [...test.matchAll(/`([^`]+)` "([^"]+)"/g)].map(([, file = '', title = '']) => ({ file, title })),
    }
  })
}

/** The members of a union of texts in shared/errors.ts. */
function union(name: string): readonly string[] {
  const source = ts.createSourceFile('errors.ts', read('shared/errors.ts'), ts.ScriptTarget.Latest)
  const alias = source.statements.find(
    (statement): statement is ts.TypeAliasDeclaration =>
      ts.isTypeAliasDeclaration(statement) && statement.name.text === name,
  )
  if (alias === undefined || !ts.isUnionTypeNode(alias.type)) throw new Error(`no union ${name}`)
  return alias.type.types.flatMap((type) =>
    ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? [type.literal.text] : [],
  )
}

/** Titles as they stand in a test file: the first argument of a call, the first of a row, or the name of one. */
function titles(file: string): ReadonlySet<string> {
  const found = new Set<string>()
  const add = (node: ts.Node | undefined) => {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.add(node.text)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) add(node.arguments[0])
    if (ts.isArrayLiteralExpression(node)) add(node.elements[0])
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'name') add(node.initializer)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true))
  return found
}

const path = (file: string) => `test/shared/${file}.test.ts`
/** Of the forms that the verifier reads; images, messages and BER of envelopes have rules of their own. */
const FORMS = /^ERR_(?:CBOR|COSE|DOCUMENT)_/

describe('the table of rules', () => {
  const table = rules()
  const named = table.flatMap(({ codes }) => codes)

  it('has a test for every rule', () => {
    expect(table.filter(({ tests }) => tests.length === 0).map(({ rule }) => rule)).toEqual([])
  })

  it('names every code that the verifier refuses with, and no other', () => {
    const refusals = [
      ...union('FormatCode').filter((code) => FORMS.test(code)),
      ...union('VerificationCode'),
      ...union('PolicyCode'),
    ]
    expect([...new Set(named)].sort()).toEqual(refusals.sort())
  })

  it('names tests by files that are there', () => {
    const files = new Set(table.flatMap(({ tests }) => tests.map(({ file }) => file)))
    expect([...files].filter((file) => !existsSync(new URL(path(file), root)))).toEqual([])
  })

  it('names tests by titles that are there', () => {
    const known = new Map<string, ReadonlySet<string>>()
    const missing = table.flatMap(({ tests }) =>
      tests.filter(({ file, title }) => {
        const found = known.get(file) ?? titles(path(file))
        known.set(file, found)
        return !found.has(title)
      }),
    )
    expect(missing).toEqual([])
  })
})
