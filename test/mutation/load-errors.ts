/** A test file that cannot be loaded has no tests that fail: Stryker would hear of nothing, and call it a success. */
import type { Reporter, TestModule, Vitest } from 'vitest/node'

export class LoadErrors implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const error of modules.flatMap((module) => module.errors())) {
      this.#vitest?.state.catchError(error, 'Load Error')
    }
  }
}
