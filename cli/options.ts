/** Values of flags. Each reader throws commander's InvalidArgumentError, which names the flag and ends with 1. */
import { type Command, InvalidArgumentError } from 'commander'

export type Registers = Readonly<Record<number, string>>

/** `I=HEX`, given once for each register. */
export function register(value: string, previous: Registers = {}): Registers {
  const match = /^(\d{1,2})=([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/i.exec(value)
  if (!match || Number(match[1]) > 31) {
    throw new InvalidArgumentError(
      'Expected I=HEX: an index from 0 to 31, and a register in hex (SHA-384: 96 digits).',
    )
  }
  const index = Number(match[1])
  if (index in previous) throw new InvalidArgumentError(`PCR${index} is given twice.`)
  return { ...previous, [index]: match[2] ?? '' }
}

/** Numbers of registers, with commas between them; may be given again. */
export function registerNumbers(value: string, previous: readonly number[] = []): readonly number[] {
  if (!/^\d{1,2}(?:,\d{1,2})*$/.test(value)) {
    throw new InvalidArgumentError('Expected numbers from 0 to 31, with commas between them.')
  }
  const numbers = value.split(',').map(Number)
  if (numbers.some((number) => number > 31))
    throw new InvalidArgumentError('A register has a number from 0 to 31.')
  return [...previous, ...numbers]
}

type Reader<T> = (value: string, previous?: T) => T

/** Of a flag that is given twice a script lost one: which of them was meant is not guessed. */
export function once<T>(read: (value: string) => T): Reader<T> {
  return (value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It is given twice.')
    return read(value)
  }
}

/** For a value that may be a secret: commander's own message would show it. */
export function unshown<T>(command: Command, flags: string, read: Reader<T>): Reader<T> {
  return (value, previous) => {
    try {
      return read(value, previous)
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error
      return command.error(`error: option '${flags}' argument is invalid. ${error.message}`)
    }
  }
}

export function hex(value: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/i.test(value)) throw new InvalidArgumentError('Expected hex digits, two a byte.')
  return Buffer.from(value, 'hex')
}

/** An empty nonce asks for nothing that a copied document cannot have: a variable of the shell was not set. */
export function nonceHex(value: string): Uint8Array {
  if (value === '') throw new InvalidArgumentError('Expected hex digits, not an empty text.')
  return hex(value)
}

export function integer(value: string): number {
  if (!/^-?\d{1,15}$/.test(value)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(value)
}

/** Seconds, as milliseconds. */
export function seconds(value: string): number {
  if (!/^\d{1,12}(?:\.\d{1,3})?$/.test(value)) throw new InvalidArgumentError('Expected a number of seconds.')
  return Number(value) * 1000
}

export function secondsOrNone(value: string): number {
  return value === 'none' ? Number.POSITIVE_INFINITY : seconds(value)
}

/** ISO 8601 with a time zone: the local one would make a script mean something else on every machine. */
export function time(value: string): Date {
  const date = new Date(value)
  // Date takes 30 February for 2 March.
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`)
  const form = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/
  if (!form.test(value) || Number.isNaN(date.getTime()) || day.getUTCDate() !== Number(value.slice(8, 10))) {
    throw new InvalidArgumentError('Expected a time as in 2026-01-31T12:00:00Z.')
  }
  return date
}
