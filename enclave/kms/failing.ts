/** Middleware that has a say when a call fails, and none otherwise. */
import type { HandlerExecutionContext } from '@smithy/types'

type Call<Arguments, Result> = (args: Arguments) => Promise<Result>

/** Of any step: what `replace` gives for an error (that one again, or another) is thrown. */
export const failing =
  (replace: (error: unknown, context: HandlerExecutionContext) => unknown) =>
  <Arguments, Result>(
    next: Call<Arguments, Result>,
    context: HandlerExecutionContext,
  ): Call<Arguments, Result> =>
  async (args) => {
    try {
      return await next(args)
    } catch (error) {
      throw replace(error, context)
    }
  }
