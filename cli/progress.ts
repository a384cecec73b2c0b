/** How far long work has come: one line on standard error, for a person who watches it. */

/** Bytes; less is over before it could be read. */
const LONG = 64 * 1024 * 1024

export interface Progress {
  readonly report: (done: number, total: number) => void
  /** Takes the line away. */
  end(): void
}

export function showProgress(verb: string): Progress {
  let shown = -1
  return {
    report: (done, total) => {
      const percent = Math.floor((done / total) * 100)
      if (!process.stderr.isTTY || total < LONG || percent === shown) return
      shown = percent
      process.stderr.write(`\r${verb}: ${percent} %`)
    },
    end: () => {
      if (shown >= 0) process.stderr.write('\r\u001b[K')
    },
  }
}
