import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'

// The package as an installation without a compiler leaves it: the built files, and no binary.
let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'without-addon-'))
  cpSync('dist', join(directory, 'dist'), { recursive: true })
  cpSync('package.json', join(directory, 'package.json'))
  symlinkSync(resolve('node_modules'), join(directory, 'node_modules'))
  return () => rmSync(directory, { recursive: true, force: true })
})

/** The value of an expression over `vsock`, `enclave` and `errorOf`, in a process of its own. */
async function evaluate(expression: string): Promise<unknown> {
  const script = `
    import * as vsock from 'nitro-enclave-sdk/vsock'
    import * as enclave from 'nitro-enclave-sdk'
    const errorOf = async (work) => {
      try { await work(); return 'no error' } catch ({ code, message }) { return { code, message } }
    }
    console.log(JSON.stringify(await (${expression})))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: directory,
  })
  return JSON.parse(stdout)
}

const missing = expect.stringMatching(/^the native addon of nitro-enclave-sdk is missing: [^\n]+$/)

it('connecting by AF_VSOCK says in one sentence what is missing', async () => {
  expect(await evaluate('errorOf(() => vsock.connect({ cid: 3, port: 1 }))')).toEqual({
    code: 'ERR_VSOCK_UNAVAILABLE',
    message: missing,
  })
})

it('listening on AF_VSOCK says so too', async () => {
  expect(await evaluate('errorOf(() => vsock.listen({ port: 1 }))')).toEqual({
    code: 'ERR_VSOCK_UNAVAILABLE',
    message: missing,
  })
})

it('asking for the CID of this machine says so too', async () => {
  expect(await evaluate('errorOf(() => vsock.localCid())')).toMatchObject({ code: 'ERR_VSOCK_UNAVAILABLE' })
})

it('opening the Nitro Secure Module is an error of its own', async () => {
  expect(await evaluate('errorOf(() => enclave.openNsm())')).toMatchObject({ code: 'ERR_NSM_UNAVAILABLE' })
})

it('Unix sockets work all the same', async () => {
  const talk = `(async () => {
    const transport = vsock.unixTransport(process.cwd())
    const server = await vsock.listen({ cid: 3, port: 1, transport })
    server.on('connection', (socket) => socket.end('heard'))
    let text = ''
    for await (const chunk of vsock.connect({ cid: 3, port: 1, transport })) text += chunk
    server.close()
    return text
  })()`
  expect(await evaluate(talk)).toBe('heard')
})
