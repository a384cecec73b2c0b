import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkArguments } from '../../cli/vsock-proxy-arguments.js'
import { connect, unixTransport } from '../../shared/vsock/index.js'
import { ending, listensAt, read, refusing, startUpstream, until } from '../parent-proxy/rig.js'
import { temporaryFolder } from '../support/cli.js'
import { refusal } from '../support/errors.js'

const BIN = resolve('bin/vsock-proxy')

interface Run {
  readonly child: ChildProcess
  readonly output: { stdout: string; stderr: string }
  readonly exited: Promise<number | NodeJS.Signals>
}

const start = (args: readonly string[], env: Record<string, string> = {}): Run => {
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
  const child = spawn(process.execPath, [BIN, ...args], { env: { ...process.env, ...env }, stdio })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  return { child, output, exited }
}

/** Ends by itself. */
const run = async (...args: readonly string[]) => {
  const { output, exited } = start(args)
  return { code: await exited, ...output }
}

const allowlist = (folder: string, ...entries: readonly string[]): string => {
  const file = join(folder, 'vsock-proxy.yaml')
  writeFileSync(file, `allowlist:\n${entries.map((entry) => `- ${entry}\n`).join('')}`)
  return file
}

/** A proxy to `port` of 127.0.0.1, listening on a Unix socket. */
const startProxy = async (host: string, port: number, entry: string, ...flags: readonly string[]) => {
  const folder = temporaryFolder()
  const config = allowlist(folder, entry)
  const listen = ['--listen', `unix:${folder}:8000`]
  const proxy = start([...flags, '--config', config, ...listen, '8000', host, String(port)], {
    RUST_LOG: 'info',
  })
  await until(() => listensAt(join(folder, '3.8000')) || proxy.child.exitCode !== null)
  const dial = () => {
    const socket = connect({ cid: 3, port: 8000, transport: unixTransport(folder), allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    return socket
  }
  return { ...proxy, dial }
}

const startEcho = async (): Promise<number> => {
  const { endpoint } = await startUpstream((socket) => void socket.pipe(socket), 'tcp')
  return 'port' in endpoint ? endpoint.port : 0
}

describe('arguments', () => {
  it.each([['-h'], ['--help']])('%s tells all of them, and what differs', async (flag) => {
    const { code, stdout, stderr } = await run(flag)
    expect([code, stderr]).toEqual([0, ''])
    for (const word of [
      '-4, --ipv4',
      '-6, --ipv6',
      '-w, --num_workers',
      '--config',
      '<local_port>',
      'RUST_LOG',
    ]) {
      expect(stdout).toContain(word)
    }
    expect(stdout).toContain('/etc/nitro_enclaves/vsock-proxy.yaml')
  })

  it.each([['-V'], ['--version']])('%s tells the version', async (flag) => {
    expect(await run(flag)).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^vsock-proxy \d+\.\d+\.\d+ /),
      stderr: '',
    })
  })

  it.each([
    [['8000', 'kms.test'], /remote_port/],
    [['8000', 'kms.test', '443', 'more'], /too many arguments/],
    [['-4', '-6', '8000', 'kms.test', '443'], /--ipv6.*--ipv4/],
    [['--workers', '4', '8000', 'kms.test', '443'], /unknown option '--workers'/],
    [['8000', 'kms.test', '443', '--config'], /argument missing/],
  ])('%j is refused with 2', async (args, words) => {
    expect(await run(...args)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(words) })
  })

  it.each([
    ['x', 'y', 'z', 'Local port is not valid'],
    ['', '443', '4', 'Local port is not valid'],
    ['-1', '443', '4', 'Local port is not valid'],
    ['4294967295', '443', '4', 'Local port is not valid'],
    ['0x10', '443', '4', 'Local port is not valid'],
    ['8000', 'y', 'z', 'Remote port is not valid'],
    ['8000', '0', '4', 'Remote port is not valid'],
    ['8000', '65536', '4', 'Remote port is not valid'],
    ['8000', '443', '1.5', 'Number of workers is not valid'],
    ['8000', '443', '-1', 'Number of workers is not valid'],
    ['8000', '443', '0', 'Number of workers must not be 0'],
  ])("%j %j %j are refused in AWS's words", async (local, remote, workers, words) => {
    const options = { num_workers: workers, config: '/nowhere' }
    const refused = await refusal(() => checkArguments(local, 'kms.test', remote, options))
    expect([refused.code, refused.message]).toEqual(['ERR_USAGE', words])
  })

  it.each([
    ['0', '1', '1'],
    ['+8000', '00443', '18446744073709551615'],
    ['4294967294', '65535', '4'],
  ])('%s %s %s are taken', (local, remote, workers) => {
    const taken = checkArguments(local, 'kms.test', remote, { num_workers: workers, config: '/nowhere' })
    expect(taken).toMatchObject({
      localPort: Number(local),
      target: { host: 'kms.test', port: Number(remote) },
    })
  })

  it.each([
    [['8000', 'kms.test', '443', '-w0'], 'Number of workers must not be 0'],
    [
      ['8000', 'kms.test', '443', '--config', '/nowhere'],
      'Error at checking the allowlist: Could not open the file',
    ],
  ])('%j is refused with 1, and told why', async (args, words) => {
    const { code, stdout, stderr } = await run(...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.split('\n')).toEqual([`Error: "${words}"`, expect.stringMatching(/^ {2}\S/), ''])
  })
})

describe('the allowlist', () => {
  it('refuses what it does not have', async () => {
    const file = allowlist(temporaryFolder(), '{address: kms.test, port: 443}')
    const { code, stderr } = await run('--config', file, '8000', '192.0.2.1', '443')
    expect(code).toBe(1)
    expect(stderr).toBe(
      'Error: "Error at checking the allowlist: The given address and port are not allowed"\n' +
        `  192.0.2.1:443 is not in ${file}: add - {address: 192.0.2.1, port: 443}\n`,
    )
  })

  it.each([
    ['-4', '2001:db8::1'],
    ['-6', '192.0.2.1'],
  ])('has no address of the other family: %s', async (flag, host) => {
    const file = allowlist(temporaryFolder(), `{address: "${host}", port: 443}`)
    const { code, stderr } = await run(flag, '--config', file, '8000', host, '443')
    expect([code, stderr]).toEqual([
      1,
      'Error: "Error at checking the allowlist: No accepted IP was found."\n',
    ])
  })
})

describe('the proxy', () => {
  it.each([
    ['127.0.0.1', []],
    ['localhost', ['-4', '-w', '1']],
  ])('carries connections to %s', async (host, flags) => {
    const port = await startEcho()
    const proxy = await startProxy(host, port, `{address: ${host}, port: ${port}}`, ...flags)
    const clients = [proxy.dial(), proxy.dial(), proxy.dial()]
    for (const client of clients) client.end('ping')
    expect((await Promise.all(clients.map(read))).map(String)).toEqual(['ping', 'ping', 'ping'])
    expect(proxy.output.stdout).toBe('')
  })

  it('outlives a server that refuses', async () => {
    const closed = await refusing()
    const port = 'port' in closed ? closed.port : 0
    const proxy = await startProxy('127.0.0.1', port, `{address: 127.0.0.1, port: ${port}}`)
    await Promise.all([proxy.dial(), proxy.dial()].map(ending))
    await ending(proxy.dial())
    expect(proxy.child.exitCode).toBeNull()
    await until(() => proxy.output.stderr.includes('ECONNREFUSED'))
  })

  it('ends with 0 at SIGTERM', async () => {
    const port = await startEcho()
    const proxy = await startProxy('127.0.0.1', port, `{address: 127.0.0.1, port: ${port}}`)
    proxy.child.kill('SIGTERM')
    expect(await proxy.exited).toBe(0)
  })

  it('ends with 1 where it cannot listen', async () => {
    const file = allowlist(temporaryFolder(), '{address: 192.0.2.1, port: 443}')
    const listen = ['--listen', 'unix:/nowhere:8000']
    const { code, stderr } = await run('--config', file, ...listen, '8000', '192.0.2.1', '443')
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^Error: "Could not listen for connections: cannot listen on unix:\/nowhere:8000: /,
    )
  })
})
