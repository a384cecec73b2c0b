import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { signed } from '../support/attestations.js'
import { NOW } from '../support/certificates.js'
import { cli, temporaryFolder } from '../support/cli.js'

it.each(['verify', 'inspect'])('%s lets no document drive the terminal', async (command) => {
  const { bytes, roots } = await signed({ module_id: 'i-0\u001b[31m\u202e\nPCR0 forged-enc0' })
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'document'), bytes)
  writeFileSync(join(folder, 'root.der'), roots[0] ?? new Uint8Array())
  const trust = ['--root', join(folder, 'root.der'), '--at', NOW.toISOString()]
  const flags = command === 'verify' ? trust : []
  const { code, stdout } = await cli([command, join(folder, 'document'), ...flags])
  const text = stdout.toString('utf8')
  expect(code).toBe(0)
  expect(text).toContain('i-0\\u{1b}[31m\\u{202e}\\u{a}PCR0 forged-enc0')
  for (const raw of ['\u001b', '\u202e', '\nPCR0 forged']) expect(text).not.toContain(raw)
})
