/** In Dockerfile.enclave's build stage: `lay-out.ts FOLDER` makes there what the final stage is. */
import { layOutRoot } from './root.js'
import { trustFrom } from './trust.js'

const [, , folder] = process.argv
if (folder === undefined) throw new Error('usage: lay-out.ts FOLDER')
try {
  await layOutRoot(folder, trustFrom(process.env))
} catch (error) {
  // One line: a build prints many.
  process.stderr.write(`ERROR: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
