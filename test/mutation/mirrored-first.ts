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
    if (mutated === undefined) return super.sort(files)
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

function likeness(
  { moduleId }: TestSpecification,
  path: readonly string[],
  mirror: readonly string[],
): number {
  const name = mirror.at(-1) ?? ''
  const own = path.at(-1) ?? ''
  const folders = mirror.slice(0, -1).findIndex((part, i) => part !== path[i])
  const imported = readFileSync(moduleId, 'utf8').includes(`/${name}.js'`)
  return (
    (folders === -1 ? mirror.length - 1 : folders) +
    (own === name ? 2 : 0) +
    (own.startsWith(name) || name.startsWith(own) ? 1 : 0) +
    (imported ? 1 : 0)
  )
}
