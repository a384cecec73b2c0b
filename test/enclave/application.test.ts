import type { Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { type Dependencies, run } from '../../enclave/application.js'
import { startSimulation } from '../support/simulation.js'

/** What a simulation has, and the connections that were dialled. */
async function dependencies(): Promise<{ given: Dependencies; carriers: readonly Socket[] }> {
  const { dependencies } = await startSimulation()
  const carriers: Socket[] = []
  const dial: Dependencies['dial'] = (...options) => {
    const carrier = dependencies.dial(...options)
    carriers.push(carrier)
    return carrier
  }
  return { given: { ...dependencies, dial }, carriers }
}

async function started(given: Dependencies) {
  const application = await run(given)
  onTestFinished(() => application.close())
  return application
}

it('opens no connection before the first call', async () => {
  const { given, carriers } = await dependencies()
  const application = await started(given)
  expect(carriers).toHaveLength(0)
  expect(await application.generateRandom({ numberOfBytes: 32 })).toHaveLength(32)
  expect(carriers).toHaveLength(1)
})

it('opens it ahead when told so, and makes the first call on it', async () => {
  const { given, carriers } = await dependencies()
  const application = await started({ ...given, connectAhead: true })
  expect(carriers).toHaveLength(1)
  expect(await application.generateRandom({ numberOfBytes: 32 })).toHaveLength(32)
  expect(carriers).toHaveLength(1)
})

it('fails and leaves no connection when what it is given is of no use', async () => {
  const { given, carriers } = await dependencies()
  await expect(run({ ...given, connectAhead: true, region: 'nowhere' })).rejects.toThrow('region')
  await expect(
    run({ ...given, connectAhead: true, nsm: undefined as unknown as Dependencies['nsm'] }),
  ).rejects.toThrow('nsm')
  await expect.poll(() => carriers.map(({ destroyed }) => destroyed)).toEqual([true])
})
