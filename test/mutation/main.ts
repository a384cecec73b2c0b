/**
 * `make mutation`: changes the code in small ways, one at a time, and reports which changes no test notices. All of
 * shared/ and enclave/kms, or FILES alone (paths or globs, separated by blanks). Writes build/mutation/mutation.html
 * and mutation.json; ends with 1 when fewer than 90 % are noticed. survivors.json explains those that nobody can
 * notice: what is not in it is listed last.
 */
import { relative, resolve } from 'node:path'
import { Stryker } from '@stryker-mutator/core'
import { writeKeys } from './make-keys.js'
import { compared, type Mutant, type Survivor } from './survivors.js'

const files = process.argv.slice(2)
process.env.KEPT_KEYS = resolve('build/mutation/keys.json')
writeKeys(process.env.KEPT_KEYS)
const results = await new Stryker({
  configFile: 'test/mutation/stryker.config.mjs',
  ...(files.length > 0 && { mutate: files }),
}).runMutationTest()

const survivors: readonly Mutant[] = results.filter(
  ({ status }) => status === 'Survived' || status === 'NoCoverage',
)
const mutated = new Set(results.map(({ fileName }) => relative('.', fileName)))
const { unexplained, outdated } = compared(survivors, mutated)

function list(title: string, found: readonly Survivor[]): void {
  if (found.length === 0) return
  const lines = found.map(({ file, line, change }) => `  ${file}\n    ${line}\n    ${change}\n`)
  process.stdout.write(`\n${found.length} ${title}\n${lines.join('')}`)
}

list('explained in test/mutation/survivors.json, and no survivors any more:', outdated)
list('survivors that test/mutation/survivors.json does not explain:', unexplained)
process.stdout.write(`\nsurvivors: ${survivors.length}, unexplained: ${unexplained.length}\n`)
