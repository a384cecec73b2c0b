/** The hosts file, hosts(5): an address, its names, comments after `#`. Reads no more of it than that. */
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseHostName } from './host-name.js'

/** Addresses by name, in the file's order; lines without an IP address are passed over, as the C library does. */
export const parseHosts = (text: string): ReadonlyMap<string, readonly string[]> => {
  const hosts = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (isIP(address) === 0) continue
    for (const text of names) {
      const name = parseHostName(text)
      if (name === undefined) continue
      const known = hosts.get(name) ?? []
      if (!known.includes(address)) hosts.set(name, [...known, address])
    }
  }
  return hosts
}

/** Changes with the file. */
const versionOf = (path: string): string => {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/**
 * The addresses of a name (as host-name.ts spells it), from `path` as it is now; a file that cannot be read has none.
 * Not asynchronous: it is asked for each connection, takes microseconds, and must not queue behind whatever keeps
 * libuv's threads busy.
 */
export const hostsFile = (path: string): ((name: string) => readonly string[]) => {
  let version: string | undefined
  let hosts: ReadonlyMap<string, readonly string[]> = new Map()
  return (name) => {
    try {
      const current = versionOf(path)
      if (current !== version) hosts = parseHosts(readFileSync(path, 'utf8'))
      version = current
    } catch {
      version = undefined
      hosts = new Map()
    }
    return hosts.get(name) ?? []
  }
}
