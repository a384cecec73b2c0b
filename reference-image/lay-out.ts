/** In Dockerfile.enclave's build stage: `lay-out.ts FOLDER` makes there what the final stage is. */
import { layOutRoot } from './root.js'
import { trustFrom } from './trust.js'

const [, , folder] = process.argv
if (folder === undefined) throw new Error('usage: lay-out.ts FOLDER')
await layOutRoot(folder, trustFrom(process.env))
