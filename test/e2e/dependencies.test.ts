import { GenerateRandomCommand } from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { createKmsClient } from '../../enclave/kms/client.js'
import { createRecipient } from '../../enclave/kms/recipient.js'
import { verifyAttestation } from '../../shared/attestation/index.js'
import { startSimulation } from '../support/simulation.js'

describe('an application of your own', () => {
  it('runs on what the simulation hands out, in the very same code as in an enclave', async () => {
    const { dependencies, attestationRoot, enclave } = await startSimulation()
    const recipient = await createRecipient(dependencies)
    const kms = createKmsClient({ ...dependencies, recipient })
    const { Plaintext, CiphertextForRecipient } = await kms.send(
      new GenerateRandomCommand({ NumberOfBytes: 48 }),
    )
    kms.destroy()
    expect(Plaintext).toHaveLength(48)
    expect(CiphertextForRecipient).toBeUndefined()
    const { document } = await verifyAttestation(await recipient.attest(), { roots: [attestationRoot] })
    expect(document.moduleId).toBe(enclave.moduleId)
    expect(document.publicKey).toEqual(recipient.publicKey)
  })

  it("is told KMS's errors by name", async () => {
    const simulation = await startSimulation({
      policy: { Statement: { Effect: 'Deny', Action: '*', Resource: '*' } },
    })
    await expect(simulation.generateRandom({ numberOfBytes: 1 })).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
    await simulation.close()
    await expect(simulation.generateRandom({ numberOfBytes: 1 })).rejects.toMatchObject({
      code: 'ERR_SIMULATOR',
      message: 'the simulation is closed',
    })
  })

  it('gets an account of its own for each of many calls', async () => {
    const simulation = await startSimulation()
    const calls = Array.from({ length: 8 }, () => simulation.generateRandom({ numberOfBytes: 16 }))
    for (const { steps } of await Promise.all(calls)) {
      expect(steps.map(({ name }) => name)).toEqual(['attest', 'open', 'call'])
    }
  })

  it('is served in other partitions under their own host names', async () => {
    const simulation = await startSimulation({ region: 'cn-north-1' })
    expect((await simulation.generateRandom({ numberOfBytes: 8 })).random).toHaveLength(8)
  })

  it.each([null, [], 'text', 7])('is not allowed anything by the policy %j', async (policy) => {
    await expect(startSimulation({ policy })).rejects.toMatchObject({ code: 'ERR_IAM_POLICY' })
  })
})
