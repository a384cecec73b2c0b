/**
 * The first failing test ends a mutant: so those of the mutated file itself begin, then those of its folder that import
 * it. A survivor has all its tests run, a minute of them: so it has those most like it alone, and none of another room.
 * What only the others would notice counts as not noticed.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Test files for one mutant. */
const MOST = 16

export class MirroredFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const mutated = this.ctx.config.related?.[0]
    // Which tests reach which change is found out by a run of all.
    const { mode } = this.ctx.getRootProject().getProvidedContext() as { readonly mode?: string }
    if (mode !== 'mutant' || mutated === undefined) return super.sort(files)
    const mirror = this.#pathOf(mutated)
    return files
      .map((file) => ({ file, path: this.#pathOf(file.moduleId) }))
      .filter(({ path: [room] }) => room === mirror[0])
      .map(({ file, path }) => ({ file, likeness: likeness(file, path, mirror) }))
      .sort((a, b) => b.likeness - a.likeness)
      .slice(0, MOST)
      .map(({ file }) => file)
  }

  /** From the room on, as a source and its test have it in common. */
  #pathOf(file: string): string[] {
    return relative(this.ctx.config.root, file)
      .replace(/^test\//, '')
      .replace(/(\.test)?\.ts$/, '')
      .split('/')
  }
}

/** A long test file is the likelier to notice something: it decides between those that are equally alike. */
function likeness(
  { moduleId }: TestSpecification,
  path: readonly string[],
  mirror: readonly string[],
): number {
  const name = mirror.at(-1) ?? ''
  const own = path.at(-1) ?? ''
  const text = readFileSync(moduleId, 'utf8')
  return (
    inCommon(path, mirror.slice(0, -1)) +
    (own === name ? 1 : 0) +
    inCommon([...own], [...name]) / name.length +
    (text.includes(`/${name}.js'`) ? 1 : 0) +
    text.length / 1e6
  )
}

/** How many begin alike. */
function inCommon(a: readonly string[], b: readonly string[]): number {
  const other = b.findIndex((item, i) => item !== a[i])
  return other === -1 ? b.length : other
}
