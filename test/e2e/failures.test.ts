import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { isAlive, temporaryFolder } from '../support/cli.js'
import { startSimulation } from '../support/simulation.js'

const request = { numberOfBytes: 32 }

describe('a call that cannot succeed ends in a typed error', () => {
  it.each([
    ['ignoreRecipient', 'ERR_KMS_IGNORED_RECIPIENT'],
    ['wrongRecipient', 'ERR_ENVELOPE'],
    ['truncatedEnvelope', 'ERR_ENVELOPE'],
  ] as const)('KMS misbehaves: %s', async (fault, code) => {
    const simulation = await startSimulation()
    await simulation.setFault(fault)
    await expect(simulation.generateRandom(request)).rejects.toMatchObject({ report: { code } })
    await simulation.setFault(undefined)
    expect((await simulation.generateRandom(request)).random).toHaveLength(32)
  })

  it.each([
    ['dependencyTimeout', 'DependencyTimeoutException'],
    ['internal', 'KMSInternalException'],
  ] as const)('KMS fails: %s', async (fault, name) => {
    const simulation = await startSimulation()
    await simulation.setFault(fault)
    await expect(simulation.generateRandom(request)).rejects.toMatchObject({ report: { name, status: 500 } })
  })

  it('KMS shows a certificate under another name', async () => {
    const simulation = await startSimulation({ certificateName: 'kms.eu-central-1.amazonaws.com' })
    await expect(simulation.generateRandom(request)).rejects.toMatchObject({
      report: { code: 'ERR_KMS_TLS' },
    })
  })

  it('the proxy dies in the middle of many calls', async () => {
    const simulation = await startSimulation()
    const calls = Promise.allSettled(Array.from({ length: 50 }, () => simulation.generateRandom(request)))
    await simulation.generateRandom(request)
    simulation.killParent('SIGKILL')
    for (const outcome of await calls) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ report: { code: 'ERR_KMS_CONNECTION' } })
    }
    await expect(simulation.generateRandom(request)).rejects.toMatchObject({
      report: { code: 'ERR_KMS_CONNECTION' },
    })
  })

  it('the proxy takes connections and stays silent', { timeout: 90_000 }, async () => {
    const simulation = await startSimulation()
    simulation.killParent('SIGSTOP')
    await expect(simulation.generateRandom(request)).rejects.toMatchObject({
      report: { code: 'ERR_KMS_TIMEOUT' },
    })
  })
})

describe('signals', () => {
  it('end the parent, not its processes one by one: they go on until it closes', async () => {
    const simulation = await startSimulation()
    for (const pid of Object.values(simulation.processes)) {
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.kill(pid, signal)
    }
    expect((await simulation.generateRandom(request)).random).toHaveLength(32)
  })
})

describe('a simulation leaves nothing behind', () => {
  it('when it is closed, a stopped process included', async () => {
    const simulation = await startSimulation()
    simulation.killParent('SIGSTOP')
    await simulation.close()
    expect(Object.values(simulation.processes).filter(isAlive)).toEqual([])
  })

  it('when its process ends without closing it', { timeout: 60_000 }, async () => {
    const TMPDIR = temporaryFolder()
    const index = new URL('../../dist/simulator/index.js', import.meta.url)
    const program = `import { simulate } from ${JSON.stringify(index.href)}
      const { processes } = await simulate()
      console.log(JSON.stringify(processes))
      process.exit()`
    const env = { ...process.env, TMPDIR }
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env,
    })
    const processes = Object.values(JSON.parse(stdout) as Record<string, number>)
    await vi.waitUntil(() => !processes.some(isAlive), { timeout: 20_000 })
    expect(readdirSync(TMPDIR)).toEqual([])
  })

  it('when it could not start', async () => {
    await expect(startSimulation({ pcrs: { 0: 'zz' } })).rejects.toMatchObject({ code: 'ERR_USAGE' })
    await expect(startSimulation({ policy: { Statement: [] } })).rejects.toMatchObject({
      code: 'ERR_IAM_POLICY',
    })
    await expect(startSimulation({ customKeyStores: { id: 'broken' as never } })).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringContaining('id is broken'),
    })
    await expect(startSimulation({ trace: '/nonexistent/trace' })).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: 'cannot write the trace to /nonexistent/trace: ENOENT',
    })
  })
})
