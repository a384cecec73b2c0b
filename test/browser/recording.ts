/**
 * The calls that tests make of the product on Node, with their answers, so that the same calls can be made elsewhere:
 * where every answer is the same, the tests hold there too.
 */
import type * as FastCheck from 'fast-check'
import { expect } from 'vitest'
import { answered, answerOf, type FunctionName, thrown } from './functions.js'
import type { Call } from './page.js'
import { toJson } from './transfer.js'

interface RecordedCall extends Call {
  /** The name of the test that made the call. */
  readonly test: string
  readonly answer: Promise<string>
}

const calls: RecordedCall[] = []
let ended = false

/** `original`, with every call kept as one of the page's function `name`, which answers with a `part` of its answer. */
export function recorded<Arguments extends unknown[], Answer>(
  name: FunctionName,
  original: (...args: Arguments) => Answer,
  part: (answer: Awaited<Answer>) => unknown = (answer) => answer,
): (...args: Arguments) => Answer {
  return (...given) => {
    if (ended) return original(...given)
    const test = expect.getState().currentTestName ?? 'before the tests'
    // Now: whoever gave them may change them.
    const args = toJson(given)
    // At once, too, where it is there at once.
    const keep = (answer: string | Promise<string>) => {
      calls.push({ test, name, args, answer: Promise.resolve(answer) })
    }
    try {
      const answer = original(...given)
      const isPromise = answer instanceof Promise
      keep(isPromise ? answerOf(async () => part(await answer)) : answered(part(answer as Awaited<Answer>)))
      return answer
    } catch (error) {
      keep(thrown(error))
      throw error
    }
  }
}

export interface Disagreement {
  readonly test: string
  readonly name: FunctionName
  readonly node: string
  readonly elsewhere: string
}

export interface Agreement {
  /** How often each function was called. */
  readonly calls: Readonly<Partial<Record<FunctionName, number>>>
  readonly disagreements: readonly Disagreement[]
}

/** Makes all calls again by `ask`, in their order. What is called from now on is no longer recorded. */
export async function agreementWith(
  ask: (calls: readonly Call[]) => Promise<readonly string[]>,
): Promise<Agreement> {
  ended = true
  const answers = await ask(calls.map(({ name, args }) => ({ name, args })))
  const disagreements: Disagreement[] = []
  const counts: Partial<Record<FunctionName, number>> = {}
  for (const [index, { test, name, answer }] of calls.entries()) {
    const node = await answer
    const elsewhere = answers[index] ?? 'nothing'
    counts[name] = (counts[name] ?? 0) + 1
    if (node !== elsewhere) disagreements.push({ test, name, node, elsewhere })
  }
  return { calls: counts, disagreements }
}

/** fast-check, with fewer inputs for each property than where the property is tested. */
export function withRuns(numRuns: number, fastCheck: typeof FastCheck): typeof FastCheck {
  const assert = ((property, parameters) =>
    fastCheck.assert(property, { ...parameters, numRuns })) as typeof FastCheck.assert
  return { ...fastCheck, assert, default: { ...fastCheck.default, assert } }
}
