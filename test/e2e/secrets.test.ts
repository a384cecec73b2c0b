import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { startSimulation } from '../support/simulation.js'

function commandLine(pid: number): string {
  if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
}

describe('secrets stay where they are', () => {
  it('no argument and no error of the simulation carries credentials', async () => {
    const simulation = await startSimulation()
    const { secretAccessKey, sessionToken } = simulation.credentials
    await simulation.setFault('wrongRecipient')
    const error: unknown = await simulation
      .generateRandom({ numberOfBytes: 32 })
      .catch((reason: unknown) => reason)
    const seen = [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error)]
    for (const pid of Object.values(simulation.processes)) seen.push(commandLine(pid))
    for (const text of seen) {
      expect(text).not.toContain(secretAccessKey)
      expect(text).not.toContain(sessionToken)
    }
  })
})
