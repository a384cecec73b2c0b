import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { clientOf, random, startKms } from '../support/kms-process.js'

/** Resolves when nobody listens on the port any more. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1')
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (!connected) return
    await sleep(5)
  }
}

describe('the end of nitro-enclave kms', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s is clean', async (signal) => {
    const kms = await startKms(['--http'])
    expect(await random(clientOf(kms.ready))).toBe(32)
    kms.signal(signal)
    expect(await kms.exited).toBe(0)
    expect(kms.printed.trim().split('\n')).toHaveLength(1)
    expect(kms.log.trim().split('\n')).toHaveLength(1)
  })

  it('waits for a call under way, and takes no new ones', async () => {
    const kms = await startKms(['--http'])
    const port = Number(new URL(kms.ready.endpoint).port)
    const socket = net.connect(port, '127.0.0.1')
    // Half of a body: the call is under way.
    const body = '{"NumberOfBytes":1}'
    const headers = [
      `Host: 127.0.0.1:${port}`,
      'Content-Type: application/x-amz-json-1.1',
      'X-Amz-Target: TrentService.GenerateRandom',
      `Content-Length: ${body.length}`,
    ]
    socket.write(`POST / HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body.slice(0, 5)}`)
    await once(socket, 'connect')
    // Another one is answered: by then the first has been read.
    expect(await random(clientOf(kms.ready))).toBe(32)
    kms.signal('SIGTERM')
    await refused(port)
    socket.write(body.slice(5))
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*Connection: close[\s\S]*MissingAuthenticationToken/)
    expect(await kms.exited).toBe(0)
  })

  it('does not wait for a call that never ends', async () => {
    const kms = await startKms(['--http'])
    const socket = net.connect(Number(new URL(kms.ready.endpoint).port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('POST / HTTP/1.1\r\n')
    await once(socket, 'connect')
    kms.signal('SIGTERM')
    expect(await kms.exited).toBe(0)
  })
})
