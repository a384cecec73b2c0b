/** Tar archives block by block, for tests: with headers that no tar program would write, too. */
import { Header, Pax } from 'tar'

type TypeName =
  NonNullable<ConstructorParameters<typeof Header>[0]> extends infer Data
    ? Data extends { type?: infer Name }
      ? Exclude<Name, undefined>
      : never
    : never

export interface TarMember {
  readonly path: string
  /** `File` unless given. */
  readonly type?: TypeName
  readonly body?: string | Uint8Array
  readonly linkpath?: string
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly major?: number
  readonly minor?: number
  /** Claimed instead of the body's. */
  readonly size?: number
  /** Records of an extended header before this one: text as it stands in the archive, or values by their keys. */
  readonly pax?: string | Readonly<Record<string, string>>
  /** Last changes to the header's 512 bytes; the checksum is set after them. */
  readonly alter?: (block: Buffer) => void
}

const BLOCK = 512

/** With the two empty blocks that end an archive. */
export function tarArchive(members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map(tarMember), Buffer.alloc(2 * BLOCK)])
}

export function tarMember(member: TarMember): Buffer {
  const { path, type = 'File', linkpath, mode = 0o644, uid = 0, gid = 0, major, minor, pax, alter } = member
  const body = Buffer.from(member.body ?? '')
  const fields = { path, type, linkpath, mode, uid, gid, devmaj: major ?? 0, devmin: minor ?? 0 }
  const header = new Header({
    ...fields,
    linkpath: linkpath ?? '',
    size: member.size ?? body.length,
    mtime: new Date(0),
  })
  const needsPax = header.encode()
  const block = header.block ?? Buffer.alloc(BLOCK)
  alter?.(block)
  checksum(block)
  const extended =
    pax !== undefined
      ? pax === ''
        ? Buffer.alloc(0)
        : paxHeader(pax)
      : needsPax
        ? new Pax({ path, uid, gid, ...(linkpath !== undefined && { linkpath }) }).encode()
        : Buffer.alloc(0)
  return Buffer.concat([extended, block, padded(body)])
}

export function paxHeader(
  pax: Exclude<TarMember['pax'], undefined>,
  type: TypeName = 'ExtendedHeader',
): Buffer {
  const text =
    typeof pax === 'string'
      ? pax
      : Object.entries(pax)
          .map(([key, value]) => paxRecord(key, value))
          .join('')
  return tarMember({ path: 'PaxHeader/x', type, body: text, pax: '' })
}

/** pax(1): the length in decimal counts itself, and the line feed at the end. */
export function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)])
}

function checksum(block: Buffer): void {
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1')
}
