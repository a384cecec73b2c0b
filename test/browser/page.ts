/** The script of the page. */
import { answer, type FunctionName } from './functions.js'

/** A call of a function, its arguments as JSON. */
export interface Call {
  readonly name: FunctionName
  readonly args: string
}

/** What a test reaches from outside. */
export interface Page {
  readonly answers: (calls: readonly Call[]) => Promise<readonly string[]>
  readonly evalIsBlocked: boolean
}

function evalIsBlocked(): boolean {
  try {
    new Function('')
    return false
  } catch {
    return true
  }
}

const page: Page = {
  // One after the other: what a verifier remembers depends on the order.
  answers: async (calls) => {
    const answers: string[] = []
    for (const { name, args } of calls) answers.push(await answer(name, args))
    return answers
  },
  evalIsBlocked: evalIsBlocked(),
}

Object.assign(globalThis, { page })
