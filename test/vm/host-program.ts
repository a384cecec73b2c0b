/** A program on this machine that talks to the guests through their Unix sockets. */
import { createInterface } from 'node:readline'
import { end, start } from '../../debian/cleanup.js'
import { say } from '../../debian/steps.js'
import type { Port } from './vhost-vsock.js'

export interface HostProgram {
  readonly exitCode: Promise<number>
  stop(): Promise<void>
}

export function runOnHost(
  file: string,
  ports: { readonly parent: Port; readonly enclave: Port },
): HostProgram {
  const child = start(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NITRO_VM_HYBRID: ports.enclave.hybrid,
      NITRO_VM_PARENT_HYBRID: ports.parent.hybrid,
    },
  })
  for (const input of [child.stdout, child.stderr]) {
    if (input !== null) createInterface({ input }).on('line', (line) => say(`  host | ${line}`))
  }
  const exitCode = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === null) reject(new Error(`the host program was ended by ${signal}`))
      else resolve(code)
    })
  })
  // Reported by whoever waits for it, who may not have begun to.
  exitCode.catch(() => undefined)
  return { exitCode, stop: () => end(child) }
}
