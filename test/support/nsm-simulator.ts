/** The command `nitro-enclave nsm` on a simulated module of its own. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { verifyAttestation } from '../../shared/attestation/index.js'
import { cli, json, temporaryFolder } from './cli.js'

export interface Register {
  readonly index: number
  readonly value: string
  readonly locked: boolean
}

/** Its state and files beside it go with the test. */
export function nsmSimulator() {
  const folder = temporaryFolder()
  const state = join(folder, 'state')
  const nsm = (args: readonly string[], input?: Uint8Array | string) =>
    cli(['nsm', '--simulator', state, ...args], input === undefined ? {} : { input })
  const file = (name: string, content: Uint8Array | string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const register = async (index: number) => json<Register>(await nsm(['pcr', String(index), '--json']))
  const verify = (document: Uint8Array, args: readonly string[] = []) =>
    cli(['verify', '--root', join(state, 'attestation-root.pem'), ...args, '-'], { input: document })
  const genuine = async (document: Uint8Array) => {
    const roots = [readFileSync(join(state, 'attestation-root.pem'), 'utf8')]
    return (await verifyAttestation(document, { roots })).document.moduleId.includes('simulated')
  }
  return { folder, state, nsm, file, register, verify, genuine }
}
