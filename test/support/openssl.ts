import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'

const present = spawnSync('openssl', ['version']).status === 0

export interface OpenSsl {
  /** Runs openssl with `{name}` in its arguments replaced by the path of that file; gives its standard output. */
  run(args: readonly string[], files: Readonly<Record<string, string | Uint8Array>>): Buffer
  /** The same, its standard output as text. */
  text(args: readonly string[], files: Readonly<Record<string, string | Uint8Array>>): string
}

const openssl: OpenSsl = {
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

/** A `describe` for checks by somebody else's code: skipped loudly without openssl, failing in CI. */
export function withOpenSsl(name: string, suite: (openssl: OpenSsl) => void): void {
  if (present) {
    describe(name, () => suite(openssl))
  } else if (process.env.CI === 'true') {
    it(name, () => {
      throw new Error('openssl is missing')
    })
  } else {
    describe.skip(`${name} (skipped: no openssl)`, () => {
      it('needs openssl', () => undefined)
    })
  }
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
