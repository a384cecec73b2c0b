/** What an image may have at most: it is read before anybody has judged it. */
import { FormatError } from '../../shared/errors.js'
import { MAX_ENTRIES } from '../root/file-system-entry.js'

export interface OciLimits {
  /** Entries of all layers, and directories that they take for granted; 1,000,000 unless given. */
  readonly entries?: number
  /** Bytes of all layers, uncompressed; 16 GiB unless given. */
  readonly bytes?: number
  /** Bytes of all paths and link targets; 256 MiB unless given: they are held in memory. */
  readonly pathBytes?: number
}

/** Counts down. Each method throws FormatError ERR_OCI_IMAGE. */
export interface Budget {
  entry(): void
  bytes(count: number): void
  path(...texts: readonly string[]): void
}

export function createBudget(limits: OciLimits = {}): Budget {
  const { entries = MAX_ENTRIES, bytes = 16 * 1024 ** 3, pathBytes = 256 * 1024 ** 2 } = limits
  const left = { entries, bytes, pathBytes }
  const spend = (kind: keyof typeof left, count: number, message: string): void => {
    left[kind] -= count
    if (left[kind] < 0) throw new FormatError('ERR_OCI_IMAGE', `the image's layers have ${message}`)
  }
  return {
    entry: () => spend('entries', 1, `more than ${entries} entries`),
    bytes: (count) => spend('bytes', count, `more than ${bytes} bytes`),
    path: (...texts) => {
      for (const text of texts)
        spend('pathBytes', text.length, `paths of more than ${pathBytes} bytes in all`)
    },
  }
}
