import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { accountOf } from '../../cli/simulation-account.js'
import type { AttestedRandom, Simulation } from '../../simulator/index.js'
import { temporaryFolder } from '../support/cli.js'
import { startSimulation } from '../support/simulation.js'

function documentOf({ steps }: AttestedRandom): Uint8Array {
  const step = steps.find(({ name }) => name === 'attest')
  return step?.name === 'attest' ? step.document : new Uint8Array()
}

/** One record of the trace, from the enclave upwards, on a connection of its own. */
function record(data: Uint8Array): Buffer {
  const header = Buffer.alloc(17)
  header.writeUInt32BE(99, 1)
  header.writeUInt32BE(data.length, 13)
  return Buffer.concat([header, data])
}

type Leak = (simulation: Simulation, answer: AttestedRandom) => Uint8Array | Promise<Uint8Array>

const secretOf: Leak = async ({ dependencies }) =>
  Buffer.from((await dependencies.credentials()).secretAccessKey)

// The real bytes of a real call, and then what a parent that ended TLS itself would have forwarded.
describe('the account of a parent', () => {
  it.each<[string, boolean, Leak]>([
    ['that forwarded TLS only', false, () => Buffer.from('nothing of importance')],
    ['that saw the random bytes', true, (_, { random }) => random],
    [
      'that saw them in base64',
      true,
      (_, { random }) => Buffer.from(`{"Plaintext":"${Buffer.from(random).toString('base64')}"}`),
    ],
    ['that saw the attestation document', true, (_, answer) => documentOf(answer)],
    ['that saw the secret access key', true, secretOf],
    [
      'that saw which operation was asked for',
      true,
      () => Buffer.from('X-Amz-Target: TrentService.GenerateRandom'),
    ],
  ])('%s: sawPlaintext %s', async (_, saw, leak) => {
    const trace = join(temporaryFolder(), 'trace')
    const simulation = await startSimulation({ trace })
    const answer = await simulation.generateRandom({ numberOfBytes: 32 })
    await simulation.endEnclave()
    appendFileSync(trace, record(await leak(simulation, answer)))
    const { parent } = await accountOf({ simulation, answer, trace, start: 1, numberOfBytes: 32 })
    expect(parent.sawPlaintext).toBe(saw)
  })
})
