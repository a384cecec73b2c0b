/**
 * `make eif-local`: Dockerfile.enclave as an EIF, without Docker engine and nitro-cli; its registers, its size, and the
 * memory that its program takes. `--fresh` builds every step anew, `--arg NAME=VALUE` is one of Dockerfile.enclave's.
 */
import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { onEveryWayOut } from '../debian/cleanup.js'
import { describe, outcomeOf, Skipped } from '../debian/outcome.js'
import { requirePlatform } from '../debian/platform.js'
import { say, step } from '../debian/steps.js'
import { buildArguments } from './arguments.js'
import { makeBlobs } from './blobs.js'
import { withImageRoot } from './build.js'
import { makeEif } from './eif.js'
import { residentMemory } from './memory.js'

const OPTIONS = {
  name: { type: 'string', default: 'nitro-enclave-sdk' },
  blobs: { type: 'string' },
  output: { type: 'string', default: 'build/enclave.eif' },
  arg: { type: 'string', multiple: true },
  fresh: { type: 'boolean', default: false },
  'signing-certificate': { type: 'string' },
  'private-key': { type: 'string' },
} as const
const DOCKERFILE = new URL('../Dockerfile.enclave', import.meta.url)
const TAG = 'enclave'
const MIB = 1024 * 1024

type Signer = Partial<Record<'signing-certificate' | 'private-key', string>>

function signingOf({ 'signing-certificate': certificate, 'private-key': privateKey }: Signer) {
  if (certificate === undefined && privateKey === undefined) return undefined
  if (certificate === undefined || privateKey === undefined)
    throw new Error('to sign takes both --signing-certificate and --private-key')
  return { certificate: readFileSync(certificate), privateKey: readFileSync(privateKey) }
}

onEveryWayOut()
const outcome = await outcomeOf(async () => {
  const { values } = parseArgs({ options: OPTIONS })
  const { name, output, fresh } = values
  const args = buildArguments(values.arg ?? [], readFileSync(DOCKERFILE, 'utf8'), process.env)
  const signing = signingOf(values)
  requirePlatform()
  if (process.getuid?.() !== 0) throw new Skipped('buildah mounts and changes roots here: it takes root')
  const blobs = values.blobs ?? (await makeBlobs())
  const { measurements, imageId } = await makeEif({ name, tag: TAG, args, fresh, blobs, output, signing })
  const memory = await step('making one attested call with the Node and the program of the image', () =>
    withImageRoot(imageId, residentMemory),
  )
  for (const [register, value] of Object.entries(measurements)) {
    if (register.startsWith('PCR')) say(`${register} ${value}`)
  }
  say(`EIF: ${output}, ${(statSync(output).size / MIB).toFixed(1)} MiB`)
  say(`resident memory after the first attested call: ${(memory / MIB).toFixed(1)} MiB`)
})
if (outcome.kind !== 'passed') {
  say(`the image: ${describe(outcome)}`)
  process.exitCode = 1
}
