/**
 * The first failing test ends a mutant: so those of the mutated file itself begin, then those of its folder. Tests of
 * another room are left out: what they notice, they notice by chance, and a survivor would wait a minute for them.
 */
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

export class MirroredFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const mutated = this.ctx.config.related?.[0]
    if (mutated === undefined) return super.sort(files)
    const root = this.ctx.config.root
    const mirror = `test/${relative(root, mutated).replace(/\.ts$/, '')}`.split('/')
    const pathOf = (file: TestSpecification) =>
      relative(root, file.moduleId)
        .replace(/\.test\.ts$/, '')
        .split('/')
    const likeness = (file: TestSpecification) => {
      const path = pathOf(file)
      const other = path.findIndex((part, i) => part !== mirror[i])
      return other === -1
        ? path.length
        : other + Number(mirror.at(-1)?.startsWith(path.at(-1) ?? '') ?? false) / 2
    }
    return files.filter((file) => pathOf(file)[1] === mirror[1]).sort((a, b) => likeness(b) - likeness(a))
  }
}
