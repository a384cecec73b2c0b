/** A reader of cpio archives ("newc"), for tests: written from the format's description, strict about every byte. */
export interface CpioMember {
  /** One character a byte. */
  readonly path: string
  readonly inode: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly links: number
  readonly time: number
  readonly device: readonly [number, number]
  readonly content: Buffer
}

const HEADER = 110

export function readCpio(archive: Uint8Array): readonly CpioMember[] {
  const bytes = Buffer.from(archive)
  const members: CpioMember[] = []
  let at = 0
  const take = (length: number): Buffer => {
    const piece = bytes.subarray(at, at + length)
    if (piece.length !== length)
      throw new Error(`the archive ends at ${bytes.length}, within ${length} bytes from ${at}`)
    at += length
    return piece
  }
  const align = (): void => {
    if (take((4 - (at % 4)) % 4).some((byte) => byte !== 0))
      throw new Error(`padding that is not zero before ${at}`)
  }
  for (;;) {
    const head = take(HEADER).toString('latin1')
    if (!/^070701[0-9a-f]{104}$/.test(head)) throw new Error(`no header at ${at - HEADER}: ${head}`)
    const field = (index: number): number => Number.parseInt(head.slice(6 + 8 * index, 14 + 8 * index), 16)
    const name = take(field(11)).toString('latin1')
    if (name.indexOf('\0') !== name.length - 1)
      throw new Error(`a name that does not end with a NUL: ${name}`)
    align()
    const content = take(field(6))
    align()
    if (field(7) !== 0 || field(8) !== 0 || field(12) !== 0) throw new Error('a device or a checksum')
    const path = name.slice(0, -1)
    if (path === 'TRAILER!!!') break
    members.push({
      path,
      inode: field(0),
      mode: field(1),
      uid: field(2),
      gid: field(3),
      links: field(4),
      time: field(5),
      device: [field(9), field(10)],
      content,
    })
  }
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes after the trailer`)
  return members
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}
