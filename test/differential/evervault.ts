/** The verdicts of the Evervault packages, whose only trust anchor is the AWS root and whose only time is the clock's. */
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AWS_NITRO_ROOT } from '../../shared/attestation/roots.js'
import { FAKETIME_ENVIRONMENT, underFakeTime } from '../support/faketime.js'
import { ACCEPTED, refused, type Verdict } from './disagreements.js'

export const EVERVAULT = ['napi', 'wasm'] as const
export type Evervault = (typeof EVERVAULT)[number]

const CHILD = fileURLToPath(new URL('evervault-child.mjs', import.meta.url))

/**
 * What `attestEnclave` says when all else is good: it wants the key of the TLS certificate that it is given in user_data,
 * and documents that were made for others have none there. The second also stands for a public_key of a bad length.
 */
const LAST_CHECK = [
  'User data was not set in the attestation doc',
  'The public key length in the attestation doc was invalid',
]
const CONTEXT = /^(ATTESTATION :: )?An error occur while .*?: (An error occurred while .*?: )?/

/** Judges `documents` in one process whose clock stands at `time`. */
export async function judgedBy(
  peer: Evervault,
  documents: readonly Uint8Array[],
  time: Date,
): Promise<readonly Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), 'evervault-'))
  try {
    const file = join(folder, 'documents.json')
    const root = join(folder, 'root.der')
    writeFileSync(file, JSON.stringify(documents.map((bytes) => Buffer.from(bytes).toString('base64'))))
    writeFileSync(root, new X509Certificate(AWS_NITRO_ROOT).raw)
    const output = await run(underFakeTime(time, [process.execPath, CHILD, peer, file, root]))
    const verdicts = output.split(/^# \d+\n/m).slice(1)
    if (verdicts.length !== documents.length) throw new Error(`${peer} ended early: ${output.slice(-2000)}`)
    return verdicts.map((text) => verdictOf(peer, text))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function verdictOf(peer: Evervault, text: string): Verdict {
  const reason = (text.split('\n').find((line) => line !== '') ?? '').replace(CONTEXT, '')
  const passed = reason === 'accepted' || (peer === 'napi' && LAST_CHECK.includes(reason))
  return passed ? ACCEPTED : refused(reason)
}

/** Standard error of a process that ends well. */
function run([command = '', ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...FAKETIME_ENVIRONMENT }, maxBuffer: 1 << 28 }
    execFile(command, args, options, (error, _, stderr) => {
      if (error === null) resolve(stderr)
      else reject(new Error(`${command} ${args.join(' ')}: ${stderr.slice(-2000)}`))
    })
  })
}
