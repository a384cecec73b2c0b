/** What is fuzzed: a function of bytes, what it may refuse with, and how its inputs are made. */
import type { Arbitrary } from 'fast-check'
import type { NitroEnclaveError } from '../../shared/errors.js'
import type { Random } from './random.js'

export interface Refusal {
  readonly class: abstract new (...args: never[]) => NitroEnclaveError
  readonly code: RegExp
}

export interface MutationContext {
  readonly random: Random
  /** Another input of the corpus. */
  other(): Uint8Array
}

export type Mutator = (bytes: Uint8Array, context: MutationContext) => Uint8Array

export interface Target {
  /** Bytes of an input at most; longer ones are cut. */
  readonly maxLength: number
  readonly seeds: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>
  /** Inputs made from nothing. */
  readonly arbitrary?: Arbitrary<Uint8Array>
  /** Changes that know the format. */
  readonly mutators?: readonly Mutator[]
  /** Of so many changes one knows nothing of the format, beside those that do; 2 unless given. */
  readonly otherChanges?: number
  /** Bytes that the format knows. */
  readonly dictionary?: readonly Uint8Array[]
  /** Folders whose code is to be covered, from the root of the project; the product's unless given. */
  readonly covers?: readonly string[]
  /** Every other error is a finding, and so is any error that says that a promise of the product was broken. */
  readonly refusals: readonly Refusal[]
  run(bytes: Uint8Array): unknown
}

/** Something that the product promises does not hold. */
export function broken(promise: string): never {
  throw new Error(`broken promise: ${promise}`)
}
