/**
 * `make eif-local`: Dockerfile.enclave as an EIF, without Docker engine and nitro-cli; its registers, its size, and the
 * memory that its program takes. `--fresh` builds every step anew, `--arg NAME=VALUE` is one of Dockerfile.enclave's.
 */
import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { onEveryWayOut } from '../debian/cleanup.js'
import { describe, outcomeOf } from '../debian/outcome.js'
import { requirePlatform } from '../debian/platform.js'
import { say, step } from '../debian/steps.js'
import { makeBlobs } from './blobs.js'
import { withImageRoot } from './build.js'
import { makeEif } from './eif.js'
import { residentMemory } from './memory.js'

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'nitro-enclave-sdk' },
    blobs: { type: 'string' },
    output: { type: 'string', default: 'build/enclave.eif' },
    arg: { type: 'string', multiple: true, default: [] },
    fresh: { type: 'boolean', default: false },
    'signing-certificate': { type: 'string' },
    'private-key': { type: 'string' },
  },
})
const TAG = 'enclave'
const MIB = 1024 * 1024

function argumentsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^(\w+)=(.*)$/s.exec(pair) ?? []
      if (name === undefined || value === undefined) throw new Error(`--arg ${pair}: not NAME=VALUE`)
      return [name, value]
    }),
  )
}

type Signer = Partial<Record<'signing-certificate' | 'private-key', string>>

function signingOf({ 'signing-certificate': certificate, 'private-key': privateKey }: Signer) {
  if (certificate === undefined && privateKey === undefined) return undefined
  if (certificate === undefined || privateKey === undefined)
    throw new Error('to sign takes both --signing-certificate and --private-key')
  return { certificate: readFileSync(certificate), privateKey: readFileSync(privateKey) }
}

onEveryWayOut()
const outcome = await outcomeOf(async () => {
  requirePlatform()
  const { name, output, fresh } = values
  const args = argumentsOf(values.arg)
  const blobs = values.blobs ?? (await makeBlobs())
  const { measurements } = await makeEif({
    name,
    tag: TAG,
    args,
    fresh,
    blobs,
    output,
    signing: signingOf(values),
  })
  const memory = await step('making one attested call with the Node and the program of the image', () =>
    withImageRoot(TAG, residentMemory),
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
