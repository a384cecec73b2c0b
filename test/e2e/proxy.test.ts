import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import type net from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ending, listensAt, read, startUpstream, until } from '../parent-proxy/rig.js'
import { cli, json, temporaryFolder } from '../support/cli.js'
import { startProxyProcess } from '../support/proxy-process.js'

const echo = (socket: net.Socket) => void socket.pipe(socket)

const startEcho = async () => {
  const { endpoint } = await startUpstream(echo, 'tcp')
  if (!('address' in endpoint)) throw new Error('not over TCP')
  return { address: endpoint.address, port: endpoint.port }
}

const configOf = async (more: object = {}, listener: object = {}) => {
  const upstream = await startEcho()
  return (folder: string, ports: readonly number[] = [8000]) => ({
    allowlist: [upstream],
    listeners: ports.map((port) => ({
      listen: `unix:${folder}:3.${port}`,
      to: `${upstream.address}:${upstream.port}`,
      ...listener,
    })),
    ...more,
  })
}

const exchange = async (client: net.Socket): Promise<string> => {
  client.end('ping')
  return String(await read(client))
}

const hold = async (client: net.Socket): Promise<net.Socket> => {
  client.write('held')
  await once(client, 'data')
  return client
}

describe('nitro-enclave proxy', () => {
  it('carries connections, and writes a line for each', async () => {
    const proxy = await startProxyProcess(await configOf({}, { cid: 16 }))
    expect(await exchange(proxy.dial(8000))).toBe('ping')
    const { time: _, pid, duration, to, ...line } = await proxy.line('connection')
    expect(line).toEqual({
      level: 'info',
      listener: `unix:${proxy.folder}:3.8000`,
      connection: 1,
      cid: 16,
      address: '127.0.0.1',
      localPort: expect.any(Number),
      bytesUp: 4,
      bytesDown: 4,
      reason: 'ended',
      msg: 'connection',
    })
    expect([pid, typeof duration, to]).toEqual([proxy.pid, 'number', expect.stringMatching(/^127\.0\.0\.1:/)])
    expect(proxy.noise).toEqual([])
  })

  it('checks a file without serving it', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'proxy.yaml')
    writeFileSync(file, JSON.stringify((await configOf())(folder)))
    const checked = await cli(['proxy', '--config', file, '--check'])
    expect([checked.code, checked.stdout.toString(), checked.stderr]).toEqual([
      0,
      `${file}: fit to serve (listeners: 1, allowlist: 1)\n`,
      '',
    ])
    expect(existsSync(join(folder, '3.8000'))).toBe(false)
  })

  it.each([
    [['--check'], 'to check'],
    [[], 'to serve'],
  ])('refuses a bad file %j, a line a problem, with exit code 1 and nothing started', async (flags) => {
    const folder = temporaryFolder()
    const file = join(folder, 'proxy.yaml')
    const config = (await configOf({ colour: 'red' }, { queue: -1 }))(folder)
    writeFileSync(file, JSON.stringify(config, null, 1))
    const { code, stdout, stderr } = await cli(['proxy', '--config', file, ...flags])
    expect([code, stdout.toString()]).toEqual([1, ''])
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/proxy\.yaml:\d+:\d+: listeners\[0\]\.queue: /),
      expect.stringMatching(/proxy\.yaml:\d+:\d+: .*colour/),
    ])
    expect(existsSync(join(folder, '3.8000'))).toBe(false)
  })

  it('names the file that it cannot read', async () => {
    const { code, stderr } = await cli(['proxy', '--config', '/nowhere/proxy.yaml'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^nitro-enclave proxy: \/nowhere\/proxy\.yaml: .*ENOENT.*\n$/)
  })

  it('ends with exit code 4 where it cannot listen', async () => {
    const config = await configOf()
    const proxy = await startProxyProcess(config)
    const { code, stderr } = await cli(['proxy', '--config', proxy.file])
    expect(code).toBe(4)
    expect(stderr).toMatch(/cannot listen on unix:.*:3\.8000: .*EADDRINUSE.*\(ERR_PROXY_LISTEN\)/)
    expect(await exchange(proxy.dial(8000))).toBe('ping')
  })
})

describe('SIGHUP', () => {
  it('takes the file as it is now, and ends no connection', async () => {
    const config = await configOf()
    const proxy = await startProxyProcess(config)
    const held = await hold(proxy.dial(8000))
    expect(await proxy.reload(config(proxy.folder, [8001]))).toMatchObject({ msg: 'reloaded', listeners: 1 })
    expect(await exchange(proxy.dial(8001))).toBe('ping')
    expect(await ending(proxy.dial(8000))).toBe('ENOENT')
    expect(await exchange(held)).toBe('ping')
  })

  it.each([
    ['no YAML', 'listeners: [', /proxy\.yaml:\d+:\d+: /],
    ['nothing', '', /proxy\.yaml/],
    ['no listeners', 'allowlist: []', /listeners/],
  ])('changes nothing for a file with %s, and says why', async (_, text, why) => {
    const proxy = await startProxyProcess(await configOf())
    expect(await proxy.reload(text)).toMatchObject({
      level: 'error',
      msg: expect.stringMatching(/^not reloaded/),
      error: expect.stringMatching(why),
      code: 'ERR_PROXY_CONFIG',
    })
    expect(await exchange(proxy.dial(8000))).toBe('ping')
  })
})

describe('many SIGHUPs at once', () => {
  it('leave the proxy with the last file', async () => {
    const config = await configOf({ monitor: '127.0.0.1:0' })
    const proxy = await startProxyProcess(config)
    const held = await hold(proxy.dial(8000))
    for (let count = 0; count < 30; count += 1) {
      const ports = count % 2 === 0 ? [8000, 8001] : [8001, 8002]
      writeFileSync(proxy.file, JSON.stringify(config(proxy.folder, ports)))
      proxy.signal('SIGHUP')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await until(() => listensAt(join(proxy.folder, '3.8002')) && !existsSync(join(proxy.folder, '3.8000')))
    expect(await exchange(proxy.dial(8002))).toBe('ping')
    expect(await exchange(held)).toBe('ping')
    proxy.signal('SIGTERM')
    expect(await proxy.exited).toBe(0)
  })
})

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (name) => {
  it('lets open connections end, then ends with exit code 0', async () => {
    const proxy = await startProxyProcess(await configOf())
    const held = await hold(proxy.dial(8000))
    proxy.signal(name)
    expect(await proxy.line('draining')).toMatchObject({ why: name, connections: 1 })
    expect(await ending(proxy.dial(8000))).toBe('ENOENT')
    expect(await exchange(held)).toBe('ping')
    expect(await proxy.exited).toBe(0)
    expect(proxy.log.at(-1)).toMatchObject({ msg: 'ended', cut: 0 })
    expect(proxy.noise).toEqual([])
  })

  it('cuts what is open at the deadline', async () => {
    const proxy = await startProxyProcess(await configOf({ drainTimeout: '100ms' }))
    const ended = ending(await hold(proxy.dial(8000)))
    proxy.signal(name)
    await ended
    expect(await proxy.exited).toBe(0)
    expect(proxy.log.at(-1)).toMatchObject({ msg: 'ended', cut: 1 })
  })

  it('waits no longer when it comes again', async () => {
    const proxy = await startProxyProcess(await configOf())
    const ended = ending(await hold(proxy.dial(8000)))
    proxy.signal(name)
    await proxy.line('draining')
    proxy.signal(name)
    await ended
    expect(await proxy.exited).toBe(0)
  })
})

describe('the monitor', () => {
  const monitored = async () => {
    const proxy = await startProxyProcess(await configOf({ monitor: '127.0.0.1:0' }))
    const { port } = await proxy.line('monitor')
    return { proxy, monitor: `127.0.0.1:${port}` }
  }

  it('answers with health, and with metrics for Prometheus', async () => {
    const { proxy, monitor } = await monitored()
    await exchange(proxy.dial(8000))
    await proxy.line('connection')
    const health = await fetch(`http://${monitor}/health`)
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }])
    const metrics = await (await fetch(`http://${monitor}/metrics`)).text()
    const listener = `listener="unix:${proxy.folder}:3.8000"`
    expect(metrics).toContain(`nitro_proxy_connections_accepted_total{${listener}} 1`)
    expect(metrics).toContain(`nitro_proxy_connections_ended_total{${listener},reason="ended"} 1`)
    expect(metrics).toContain(`nitro_proxy_bytes_total{${listener},direction="up"} 4`)
    expect(metrics).toContain('process_open_fds')
  })

  it('is what `proxy status` shows', async () => {
    const { proxy, monitor } = await monitored()
    await exchange(proxy.dial(8000))
    await hold(proxy.dial(8000))
    const shown = await cli(['proxy', 'status', '--monitor', monitor])
    expect([shown.code, shown.stderr]).toEqual([0, ''])
    const [state, , heading, row] = shown.stdout.toString().split('\n')
    expect(state).toMatch(new RegExp(`^serving, pid ${proxy.pid}, up \\d+ s, 1 connections open$`))
    expect(heading?.trim().split(/ +/)).toEqual([
      'listener',
      'to',
      'open',
      'waiting',
      'accepted',
      'refused',
      'failed',
      'up',
      'down',
    ])
    expect(row).toMatch(/unix:\S+:3\.8000 +127\.0\.0\.1:\d+ +1 +0 +2 +0 +0 +8 B +8 B$/)
    const status = json<{ state: string; listeners: unknown[] }>(
      await cli(['proxy', 'status', '--monitor', monitor, '--json']),
    )
    expect(status).toMatchObject({ state: 'serving', listeners: [{ open: 1, accepted: 2 }] })
  })

  it('says that it drains', async () => {
    const { proxy, monitor } = await monitored()
    const held = await hold(proxy.dial(8000))
    proxy.signal('SIGTERM')
    await proxy.line('draining')
    expect((await fetch(`http://${monitor}/health`)).status).toBe(503)
    held.destroy()
    expect(await proxy.exited).toBe(0)
  })

  it.each([
    ['POST', '/health', 405],
    ['GET', '/', 404],
  ])('answers %s %s with %i', async (method, path, status) => {
    const { monitor } = await monitored()
    expect((await fetch(`http://${monitor}${path}`, { method })).status).toBe(status)
  })

  it('moves with a reload', async () => {
    const config = await configOf()
    const proxy = await startProxyProcess(config)
    await proxy.reload({ ...config(proxy.folder), monitor: '127.0.0.1:0' })
    const { port } = await proxy.line('monitor')
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
    await proxy.reload(config(proxy.folder))
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
  })

  it('is missed by `proxy status` where there is none', async () => {
    const proxy = await startProxyProcess(await configOf())
    const none = await cli(['proxy', 'status', '--config', proxy.file])
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/has no monitor: add monitor/)])
    const wrong = await cli(['proxy', 'status', '--monitor', '127.0.0.1:9'])
    expect([wrong.code, wrong.stderr]).toEqual([4, expect.stringMatching(/no answer from 127\.0\.0\.1:9/)])
    const neither = await cli(['proxy', 'status'])
    expect([neither.code, neither.stderr]).toEqual([
      1,
      expect.stringContaining('/etc/nitro_enclaves/proxy.yaml: cannot be read: ENOENT'),
    ])
    const above = await cli(['proxy', '--config', proxy.file, 'status'])
    expect([above.code, above.stderr]).toEqual([1, expect.stringMatching(/has no monitor: add monitor/)])
    const elsewhere = await cli(['proxy', 'status', '--monitor', '192.0.2.1:9465'])
    expect([elsewhere.code, elsewhere.stderr]).toEqual([1, expect.stringMatching(/\(ERR_USAGE\)/)])
  })
})

describe('out of descriptors', () => {
  const limited = (limit: number, ...more: readonly string[]) => ({
    command: ['prlimit', `--nofile=${limit}:${limit}`, process.execPath, ...more],
  })

  it('takes as many connections as it has descriptors for, and turns the next away', async () => {
    const proxy = await startProxyProcess(await configOf({}, { queue: 0 }), limited(256))
    const held = await Promise.all(Array.from({ length: 95 }, () => hold(proxy.dial(8000))))
    await ending(proxy.dial(8000))
    await until(() => proxy.log.some(({ reason }) => reason === 'queue-full'))
    held[0]?.end()
    await until(() => proxy.log.some(({ reason }) => reason === 'ended'))
    expect(await exchange(proxy.dial(8000))).toBe('ping')
  })

  it('survives EMFILE, when others have taken them', async () => {
    const folder = temporaryFolder()
    const hog = join(folder, 'hog.mjs')
    writeFileSync(
      hog,
      `import { closeSync, openSync } from 'node:fs'
      const taken = []
      process.on('SIGUSR2', () => {
        if (taken.length > 0) for (const fd of taken.splice(0)) closeSync(fd)
        else try { for (;;) taken.push(openSync('/dev/null')) } catch { process.stderr.write('{"msg":"taken"}\\n') }
      })`,
    )
    const proxy = await startProxyProcess(await configOf(), limited(256, '--import', hog))
    const held = await hold(proxy.dial(8000))
    proxy.signal('SIGUSR2')
    await proxy.line('taken')
    await Promise.all(Array.from({ length: 10 }, () => ending(proxy.dial(8000))))
    held.write('more')
    expect(String((await once(held, 'data'))[0])).toBe('more')
    proxy.signal('SIGUSR2')
    const again = async (): Promise<string> =>
      exchange(proxy.dial(8000)).catch(async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return again()
      })
    expect(await again()).toBe('ping')
    expect(await exchange(held)).toBe('ping')
  })
})
