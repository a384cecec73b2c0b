/**
 * Vsock between guests, in user space: the host's own AF_VSOCK takes no part. Each guest also has a Unix socket here;
 * see shared/vsock/hybrid.ts for what is spoken on it.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { end, start } from '../../debian/cleanup.js'
import { say } from '../../debian/steps.js'
import { until } from './time.js'

export interface Port {
  readonly cid: number
  /** For QEMU. */
  readonly socket: string
  /** For programs on the host. */
  readonly hybrid: string
}

export interface Switch {
  stop(): Promise<void>
}

export function port(folder: string, cid: number): Port {
  return { cid, socket: join(folder, `${cid}.sock`), hybrid: join(folder, `${cid}.vsock`) }
}

export async function startSwitch(binary: string, ports: readonly Port[]): Promise<Switch> {
  // Left by a first try that was killed.
  for (const { socket, hybrid } of ports) for (const path of [socket, hybrid]) rmSync(path, { force: true })
  const args = ports.flatMap(({ cid, socket, hybrid }) => {
    return ['--vm', `guest-cid=${cid},socket=${socket},uds-path=${hybrid},groups=nitro`]
  })
  const child = start(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => say(`  vsock | ${text.trimEnd()}`))
  }
  const open = (): boolean => ports.every(({ socket }) => existsSync(socket))
  await until(open, 10_000, () => new Error('vhost-device-vsock does not open its sockets'))
  return { stop: () => end(child) }
}
