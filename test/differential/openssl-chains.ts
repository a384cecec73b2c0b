/** The verdicts of `openssl verify`, which looks for a path from a leaf to the one trusted root. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pem } from '../support/openssl.js'
import { ACCEPTED, refused, type Verdict } from './disagreements.js'

export interface LeavesUnder {
  readonly root: Uint8Array
  /** Candidates for the path, in any order. */
  readonly untrusted: readonly Uint8Array[]
  readonly leaves: readonly Uint8Array[]
  readonly at: Date
}

/** Judges all leaves under the same authorities in one process: starting it takes longer than a verification. */
export async function judgedByOpenSsl({
  root,
  untrusted,
  leaves,
  at,
}: LeavesUnder): Promise<readonly Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), 'openssl-chains-'))
  const written = (name: string, certificates: readonly Uint8Array[]): string => {
    const path = join(folder, name)
    writeFileSync(path, certificates.map((der) => pem('CERTIFICATE', der)).join(''))
    return path
  }
  try {
    const rootFile = written('root.pem', [root])
    const untrustedFile = written('untrusted.pem', untrusted)
    const files = leaves.map((leaf, index) => written(`leaf-${index}.pem`, [leaf]))
    const time = String(Math.floor(at.getTime() / 1000))
    const trust = ['-no-CApath', '-no-CAstore', '-CAfile', rootFile, '-untrusted', untrustedFile]
    const { stdout, stderr } = await run(['verify', '-attime', time, ...trust, ...files])
    const good = new Set(stdout.split('\n'))
    // What is wrong with a leaf stands before the line that says so.
    const told = stderr.split(/^error (.*): verification failed$/m)
    return files.map((file) => {
      if (good.has(`${file}: OK`)) return ACCEPTED
      const text = told[told.indexOf(file) - 1] ?? ''
      return refused(/^error \d+ at \d+ depth lookup: .*/m.exec(text)?.[0] ?? 'not read')
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function run(args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile('openssl', args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      // 2: some leaf was refused.
      if (error === null || typeof error.code === 'number') resolve({ stdout, stderr })
      else reject(error)
    })
  })
}
