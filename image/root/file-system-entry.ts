/** What stands in a root file system, wherever it comes from: a directory, an image's layers, a list in code. */

/** Bytes, text, or a part of a file on this machine. */
export type FileContent = Uint8Array | string | FileRange

export interface FileRange {
  /** Path on this machine. */
  readonly file: string | Uint8Array
  /** Bytes before the range; 0 unless given. */
  readonly offset?: number
  /** Bytes of the range; the whole file unless given. */
  readonly size?: number
}

interface Attributes {
  /** From the root, without a leading slash; a text is taken as UTF-8. */
  readonly path: Uint8Array | string
  /** Permissions with set-user-ID, set-group-ID and sticky bit (0o7777); 0o644, 0o755 for a directory. */
  readonly mode?: number
  /** User and group, 0 (root) unless given. */
  readonly uid?: number
  readonly gid?: number
}

export interface DirectoryEntry extends Attributes {
  readonly type: 'directory'
}

export interface FileEntry extends Attributes {
  readonly type: 'file'
  readonly content: FileContent
}

export interface SymlinkEntry extends Attributes {
  readonly type: 'symlink'
  readonly target: Uint8Array | string
}

export interface DeviceEntry extends Attributes {
  readonly type: 'character device' | 'block device'
  readonly major: number
  readonly minor: number
}

export interface FifoEntry extends Attributes {
  readonly type: 'fifo'
}

export type FileSystemEntry = DirectoryEntry | FileEntry | SymlinkEntry | DeviceEntry | FifoEntry

/** More entries than this are refused, in a directory, an image and an archive alike. */
export const MAX_ENTRIES = 1_000_000
