/**
 * In the enclave's guest, CID 16: /dev/nsm of QEMU's nitro-enclave machine, and vsock to other machines. The
 * variable NITRO_VM_PEERS names those that are there: `parent` (the default), `host` (hybrid-host.ts), or neither.
 */
import { afterAll, describe } from 'vitest'
import { openNsm } from '../../../enclave/nsm/open.js'
import { parseEmulatorDocument } from '../../../simulator/kms/emulator-documents.js'
import { type Differences, nsmConformance } from '../../support/nsm-conformance.js'
import { device } from './device.js'
import { entropy } from './entropy.js'
import { hostPeer, parentPeer } from './peers.js'
import { run } from './run.js'

/** Milliseconds: the first to meet a peer waits for it to boot. */
const PEER_TIMEOUT = 15_000
const MODULE_TIMEOUT = 10_000

interface Difference {
  readonly qemu: string
  /** Hardware, and the simulator like it. */
  readonly hardware: string
}

/** QEMU 10's virtio-nsm against hardware. What is not here is the same. */
export const DIFFERENCES: Readonly<Record<keyof Differences, Difference>> = {
  parse: {
    qemu: 'documents are unsigned: algorithm -1, a signature of 64 zero bytes, certificates of 64 zero bytes',
    hardware: 'documents are signed by ES384, and their chain ends in a root',
  },
  longFields: {
    qemu: 'user_data, nonce and public_key are as long as the request has room for',
    hardware: 'each has 1,024 bytes at most; InputTooLarge above',
  },
  wholeSeconds: {
    qemu: 'timestamps are in whole seconds',
    hardware: 'timestamps are to the millisecond',
  },
}

const peers = (process.env.NITRO_VM_PEERS ?? 'parent').split(',')

await run('nsm', () => {
  if (peers.includes('parent')) describe('the parent', { timeout: PEER_TIMEOUT }, parentPeer)
  if (peers.includes('host')) describe('the host', { timeout: PEER_TIMEOUT }, hostPeer)
  describe('/dev/nsm', { timeout: MODULE_TIMEOUT }, device)
  describe('the random pool', { timeout: MODULE_TIMEOUT }, entropy)
  describe("QEMU's module conforms, but for its differences", { timeout: MODULE_TIMEOUT }, () => {
    nsmConformance(openNsm, {
      differences: {
        parse: (bytes) => parseEmulatorDocument(bytes).document,
        longFields: true,
        wholeSeconds: true,
      },
    })
    afterAll(printDifferences)
  })
})

function printDifferences(): void {
  const rows = Object.entries(DIFFERENCES).map(([what, { hardware, qemu }]) => [what, hardware, qemu])
  for (const row of [['what', 'simulator and hardware', 'QEMU'], ['---', '---', '---'], ...rows]) {
    process.stdout.write(`| ${row.join(' | ')} |\n`)
  }
}
