/** Where this can run at all. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Skipped } from './outcome.js'

const TOOLS = ['apt-get', 'dpkg-query', 'setpriv']

export function requirePlatform(): void {
  const { platform, arch } = process
  if (platform !== 'linux' || arch !== 'x64')
    throw new Skipped(`this is ${arch} ${platform}, not x86-64 Linux`)
  const missing = TOOLS.filter((tool) => !onPath(tool))
  if (missing.length > 0) throw new Skipped(`${missing.join(' and ')} missing: not a Debian machine`)
}

function onPath(tool: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
