import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suiteWith } from './requirement.js'

const present = spawnSync('openssl', ['version']).status === 0

export interface OpenSsl {
  /** Runs openssl with `{name}` in its arguments replaced by the path of that file; gives its standard output. */
  run(args: readonly string[], files: Readonly<Record<string, string | Uint8Array>>): Buffer
  /** The same, its standard output as text. */
  text(args: readonly string[], files: Readonly<Record<string, string | Uint8Array>>): string
}

export const openssl: OpenSsl = {
  run(args, files) {
    const directory = mkdtempSync(join(tmpdir(), 'openssl-'))
    try {
      for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
      const paths = args.map((arg) => arg.replace(/^\{(.+)\}$/, (_, name: string) => join(directory, name)))
      return execFileSync('openssl', paths, { stdio: ['ignore', 'pipe', 'pipe'] })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  },
  text: (args, files) => openssl.run(args, files).toString('utf8'),
}

/** Checks by somebody else's code. */
export function withOpenSsl(name: string, suite: (openssl: OpenSsl) => void): void {
  suiteWith(present, 'openssl', name, () => suite(openssl))
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
