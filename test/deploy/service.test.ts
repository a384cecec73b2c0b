import { execFile } from 'node:child_process'
import { accessSync, chmodSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { parseConfig } from '../../parent-proxy/config.js'
import { temporaryFolder } from '../support/cli.js'
import { suiteWith } from '../support/requirement.js'

const NAME = 'nitro-enclave-proxy.service'
const unit = readFileSync(join('deploy', NAME), 'utf8')

const installed = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** What systemd says of a unit, whose program stands in the same folder. */
const verify = async (text: string): Promise<string> => {
  const folder = temporaryFolder()
  const program = join(folder, 'nitro-enclave')
  writeFileSync(program, '#!/bin/sh\n')
  chmodSync(program, 0o755)
  const file = join(folder, NAME)
  // Verified is also that the program is there: on this machine it is not installed.
  writeFileSync(file, text.replaceAll('=nitro-enclave ', `=${program} `))
  const { stdout, stderr } = await promisify(execFile)('systemd-analyze', ['verify', file])
  return stdout + stderr
}

suiteWith(installed('systemd-analyze'), 'systemd-analyze', 'the unit', () => {
  it('is one that systemd reads without a remark', async () => {
    expect(await verify(unit)).toBe('')
  })

  it('would be remarked on otherwise', async () => {
    expect(await verify(unit.replace('ProtectSystem=', 'ProtectSystm='))).toContain("'ProtectSystm'")
  })
})

it('gives connections the time that the sample gives them to end', () => {
  const { drainTimeout } = parseConfig(readFileSync('deploy/proxy.yaml', 'utf8'), 'deploy/proxy.yaml')
  const [, seconds] = /^TimeoutStopSec=(\d+)s$/m.exec(unit) ?? []
  expect(Number(seconds) * 1000).toBeGreaterThan(drainTimeout)
})
