import { onTestFinished } from 'vitest'
import type { simulate as Simulate, SimulateOptions, Simulation } from '../../simulator/index.js'

// The built simulator: its processes are JavaScript files.
const built = new URL('../../dist/simulator/index.js', import.meta.url)
const { simulate }: { simulate: typeof Simulate } = await import(built.href)

/** A simulation that ends with the test. */
export async function startSimulation(options: SimulateOptions = {}): Promise<Simulation> {
  const simulation = await simulate(options)
  onTestFinished(() => simulation.close())
  return simulation
}
