import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, describe } from 'vitest'
import { hybridTransport } from '../../../shared/vsock/index.js'
import { type Rig, vsockConformance } from '../../support/vsock-conformance.js'
import { bundle } from '../../vm/guest/bundle.js'
import { startBridge } from './hybrid-vmm.js'

const SILENT_PORT = 7999

async function hybridRig(): Promise<Rig> {
  const { path, close } = await startBridge(SILENT_PORT)
  const side = { transport: hybridTransport(path), cid: 3 }
  const text = (port: number) => `hybrid:${path}:${port}`
  let port = 8000
  return {
    connecting: side,
    listening: side,
    port: () => port++,
    texts: { connecting: text, listening: text },
    refused: (unheard) => ({ code: 'ECONNRESET', syscall: 'connect', address: text(unheard) }),
    inUse: (taken) => ({ code: 'EADDRINUSE', syscall: 'listen', address: `${path}_${taken}` }),
    peerCid: undefined,
    silent: { cid: 3, port: SILENT_PORT },
    close,
  }
}

const bundles = mkdtempSync(join(tmpdir(), 'h-'))
afterAll(() => rmSync(bundles, { recursive: true, force: true }))
const worker = join(bundles, 'worker.mjs')
await bundle(fileURLToPath(new URL('../../support/vsock-conformance-worker.ts', import.meta.url)), worker)

describe('the hybrid transport conforms', () => {
  vsockConformance(hybridRig, { worker: pathToFileURL(worker) })
})
