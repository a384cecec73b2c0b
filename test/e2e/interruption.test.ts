import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { cli, isAlive, json, temporaryFolder } from '../support/cli.js'

const BIN = resolve('bin/nitro-enclave')
const onLinux = describe.skipIf(process.platform !== 'linux')

/** Process ids of the children of a process, as the kernel lists them. */
function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
      } catch {
        return false
      }
    })
    .map(Number)
}

onLinux('a signal during simulate', () => {
  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
    ['SIGTERM', 143],
  ] as const)('%s ends it with %i, and nothing stays behind', async (signal, code) => {
    const TMPDIR = temporaryFolder()
    // Detached: a group of its own, which is signalled whole, as a terminal or a supervisor does.
    const env = { ...process.env, TMPDIR }
    const child = spawn(process.execPath, [BIN, 'simulate', '--json'], { env, detached: true })
    const { pid = 0 } = child
    const output: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
    const closed = once(child, 'close')
    let children: readonly number[] = []
    while (children.length < 3) {
      await sleep(5)
      children = childrenOf(pid)
    }
    process.kill(-pid, signal)
    process.kill(-pid, signal)
    expect((await closed)[0]).toBe(code)
    expect(Buffer.concat(output).toString('utf8')).toBe('')
    expect(children.filter(isAlive)).toEqual([])
    expect(readdirSync(TMPDIR)).toEqual([])
  })
})

onLinux('a signal in the middle of the call', () => {
  /** Gives the code and the output, or undefined when the call was over before it could be held. */
  async function interrupted(): Promise<readonly [unknown, string] | undefined> {
    const trace = join(temporaryFolder(), 'trace')
    const child = spawn(process.execPath, [BIN, 'simulate', '--json', '--trace', trace])
    const output: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
    const closed = once(child, 'close')
    // The first forwarded byte: the call has begun. Stopped processes hold it there.
    while (!existsSync(trace) || statSync(trace).size === 0) await sleep(1)
    for (const pid of childrenOf(child.pid ?? 0)) process.kill(pid, 'SIGSTOP')
    child.kill('SIGINT')
    const [code] = await closed
    const text = Buffer.concat(output).toString('utf8')
    return text.includes('"random"') ? undefined : [code, text]
  }

  it('is no failure of KMS: nothing is printed', { timeout: 60_000 }, async () => {
    let outcome: readonly [unknown, string] | undefined
    for (let tries = 0; outcome === undefined && tries < 8; tries++) outcome = await interrupted()
    expect(outcome).toEqual([130, ''])
  })
})

onLinux('a machine that does not play along', () => {
  it.each(['simulate', 'inspect -', 'verify --help'])(
    '%s says that its output cannot be written',
    async (command) => {
      const full = openSync('/dev/full', 'w')
      const child = spawn(process.execPath, [BIN, ...command.split(' ')], { stdio: ['ignore', full, 'pipe'] })
      const stderr: Buffer[] = []
      child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
      const [code] = await once(child, 'close')
      const text = Buffer.concat(stderr).toString('utf8')
      if (command === 'inspect -') expect(code).toBe(2)
      else expect([code, text]).toEqual([4, 'nitro-enclave: cannot write to standard output: ENOSPC\n'])
      expect(text).not.toContain('    at ')
    },
  )

  it.each([
    ['a folder that is not there', '/nonexistent', 'set TMPDIR to one that is writable'],
    ['a path too long for Unix sockets', `/tmp/${'l'.repeat(100)}`, 'set TMPDIR to a shorter one'],
  ])('asks for another TMPDIR than %s', async (_, TMPDIR, message) => {
    const { code, stderr, stdout } = await cli(['simulate', '--json'], { env: { TMPDIR } })
    expect(code).toBe(1)
    expect(stderr).toContain(message)
    expect(JSON.parse(stdout.toString('utf8'))).toMatchObject({ error: { code: 'ERR_USAGE' } })
  })

  it('takes a reader that has seen enough for no error', async () => {
    const child = spawn(process.execPath, [BIN, 'verify', '--help'])
    const stderr: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.stdout.destroy()
    const [code] = await once(child, 'close')
    expect([code, Buffer.concat(stderr).toString('utf8')]).toEqual([0, ''])
  })

  it('refuses a trace that is no file, or would replace the policy', async () => {
    const policy = join(temporaryFolder(), 'policy.json')
    writeFileSync(policy, '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')
    expect((await cli(['simulate', '--trace', '/dev/full'])).code).toBe(1)
    expect((await cli(['simulate', '--policy', policy, '--trace', policy])).code).toBe(1)
    expect(readFileSync(policy, 'utf8')).toContain('Allow')
  })

  it('prints its JSON object when a file is missing, too', async () => {
    const verified = await cli(['verify', '/nonexistent', '--json'])
    expect([verified.code, json<object>(verified)]).toMatchObject([
      1,
      { ok: false, code: 'ERR_USAGE', moduleId: null },
    ])
    const simulated = await cli(['simulate', '--policy', '/nonexistent', '--json'])
    expect([simulated.code, json<object>(simulated)]).toMatchObject([1, { error: { code: 'ERR_USAGE' } }])
  })
})
