/** What a guest consists of: busybox, modules, Node and one program; its init runs them and says how it went. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { librariesOf } from '../../reference-image/libraries.js'
import { type Entries, writeArchive } from './archive.js'

export interface File {
  /** A file, or a folder with all that is in it. */
  readonly hostPath: string
  readonly guestPath: string
}

/** What runs in a guest: /test/NAME.mjs, in /test. */
export interface Program {
  readonly name: string
  /** The bundled .mjs file. */
  readonly bundle: string
  readonly files?: readonly File[]
  readonly environment?: Readonly<Record<string, string>>
  /** The Node binary that runs it. */
  readonly node?: string
}

interface Contents {
  readonly program: Program
  readonly busybox: string
  readonly modules: readonly string[]
  /** Begins the lines that report, so that nothing a program prints can be taken for one. */
  readonly token: string
}

export async function writeInitramfs(
  output: string,
  { program, busybox, modules, token }: Contents,
): Promise<void> {
  const node = program.node ?? process.execPath
  const entries = new Map<string, { readonly text: string } | { readonly file: string }>()
  entries.set('/init', { text: init(program, token) })
  entries.set('/bin/busybox', { file: busybox })
  entries.set('/bin/node', { file: node })
  for (const library of librariesOf(node)) entries.set(library, { file: library })
  for (const [index, file] of modules.entries()) entries.set(`/modules/${index}.ko`, { file })
  entries.set(`/test/${program.name}.mjs`, { file: program.bundle })
  for (const file of program.files ?? []) addFile(entries, file)
  await writeArchive(output, entries satisfies Entries)
}

function addFile(
  entries: Map<string, { readonly file: string } | { readonly text: string }>,
  file: File,
): void {
  if (!statSync(file.hostPath).isDirectory()) {
    entries.set(file.guestPath, { file: file.hostPath })
    return
  }
  for (const name of readdirSync(file.hostPath)) {
    addFile(entries, { hostPath: join(file.hostPath, name), guestPath: join(file.guestPath, name) })
  }
}

function init({ name, environment = {} }: Program, token: string): string {
  const exports = Object.entries(environment).map(([key, value]) => `export ${key}=${quoted(value)}`)
  return `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /root
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
exec </dev/console >/dev/console 2>&1
echo '${token} init'
i=0
while [ -e /modules/$i.ko ]; do
  insmod /modules/$i.ko || echo "module $i was refused"
  i=$((i + 1))
done
ip link set lo up
ulimit -n 20000
[ "$(cat /proc/sys/net/core/somaxconn)" -ge 4096 ] || echo 4096 >/proc/sys/net/core/somaxconn
${exports.join('\n')}
cd /test
node /test/${name}.mjs
code=$?
echo
echo '${token} exit' $code
# Time for the console to show it; whoever has seen it turns the machine off.
sleep 30
reboot -f
`
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`
}
