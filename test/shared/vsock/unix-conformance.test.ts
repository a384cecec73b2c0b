import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, describe } from 'vitest'
import { unixTransport } from '../../../shared/vsock/index.js'
import { type Rig, vsockConformance } from '../../support/vsock-conformance.js'
import { bundle } from '../../vm/guest/bundle.js'

function unixRig(): Rig {
  const directory = mkdtempSync(join(tmpdir(), 'v-'))
  const side = { transport: unixTransport(directory), cid: 3 }
  const path = (port: number) => join(directory, `3.${port}`)
  const text = (port: number) => `unix:${directory}:3.${port}`
  let port = 8000
  return {
    connecting: side,
    listening: side,
    port: () => port++,
    texts: { connecting: text, listening: text },
    refused: (unheard) => ({ code: 'ENOENT', syscall: 'connect', address: path(unheard) }),
    inUse: (taken) => ({ code: 'EADDRINUSE', syscall: 'listen', address: path(taken) }),
    peerCid: undefined,
    close: () => rmSync(directory, { recursive: true, force: true }),
  }
}

const bundles = mkdtempSync(join(tmpdir(), 'v-'))
afterAll(() => rmSync(bundles, { recursive: true, force: true }))
const worker = join(bundles, 'worker.mjs')
await bundle(fileURLToPath(new URL('../../support/vsock-conformance-worker.ts', import.meta.url)), worker)

describe('the Unix transport conforms', () => {
  vsockConformance(unixRig, { worker: pathToFileURL(worker), queues: true })
})
