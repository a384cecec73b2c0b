/** `make blobs`: the parts of an image that are the same for every program, for `build --blobs`; `--output DIR`. */
import { parseArgs } from 'node:util'
import { onEveryWayOut } from '../debian/cleanup.js'
import { describe, outcomeOf } from '../debian/outcome.js'
import { requirePlatform } from '../debian/platform.js'
import { say } from '../debian/steps.js'
import { makeBlobs } from './blobs.js'

const { values } = parseArgs({ options: { output: { type: 'string' } } })

onEveryWayOut()
let folder = ''
const outcome = await outcomeOf(async () => {
  requirePlatform()
  folder = await makeBlobs(values.output)
})
if (outcome.kind === 'passed') say(`blobs: ${folder}`)
else {
  say(`blobs: ${describe(outcome)}`)
  process.exitCode = 1
}
