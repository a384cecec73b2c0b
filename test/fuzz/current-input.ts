/**
 * The input that is being tried, in a file: what the parent process reads when its child hangs, or after it died.
 * A number that changes with every input, the input's length, its bytes.
 */
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'

const HEADER = 8
/** Numbers that stand for no input. */
const IDLE = 0

export class CurrentInputWriter {
  readonly #file: number
  readonly #buffer: Buffer
  #number = IDLE

  constructor(path: string, maxLength: number) {
    this.#file = openSync(path, 'w')
    this.#buffer = Buffer.alloc(HEADER + maxLength)
  }

  begin(input: Uint8Array): void {
    this.#number = (this.#number % 0xffff_fffe) + 1
    this.#buffer.writeUInt32LE(this.#number, 0)
    this.#buffer.writeUInt32LE(input.length, 4)
    this.#buffer.set(input, HEADER)
    writeSync(this.#file, this.#buffer, 0, HEADER + input.length, 0)
  }

  /** Whatever takes time now is no input's fault. */
  idle(): void {
    writeSync(this.#file, Buffer.alloc(HEADER), 0, HEADER, 0)
  }
}

export class CurrentInputReader {
  readonly #path: string
  readonly #file: number
  readonly #number = Buffer.alloc(4)

  constructor(path: string) {
    this.#path = path
    this.#file = openSync(path, 'r')
  }

  /** The number of the input that is being tried; undefined between them. */
  number(): number | undefined {
    const length = readSync(this.#file, this.#number, 0, 4, 0)
    const number = length === 4 ? this.#number.readUInt32LE(0) : IDLE
    return number === IDLE ? undefined : number
  }

  /** The input itself, when the child is no more. */
  input(): Uint8Array | undefined {
    const bytes = readFileSync(this.#path)
    if (bytes.length < HEADER || bytes.readUInt32LE(0) === IDLE) return undefined
    return new Uint8Array(bytes.subarray(HEADER, HEADER + bytes.readUInt32LE(4)))
  }

  close(): void {
    closeSync(this.#file)
  }
}
