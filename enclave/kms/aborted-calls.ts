/** An aborted call ends at once, whatever it waits for: a provider of credentials, the module, the network. */
import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-kms'
import type { Pluggable } from '@smithy/types'
import { abortable, signalOf } from './abort.js'

/** The call rejects with an AbortError; what it waited for may go on, but nothing is sent any more. */
export function endAbortedCalls(): Pluggable<ServiceInputTypes, ServiceOutputTypes> {
  return {
    applyToStack(stack) {
      stack.add(
        (next, context) => (args) =>
          abortable(
            () => next(args),
            signalOf(context),
            ({ output }) => zero(output),
          ),
        { name: 'nitroAbort', step: 'initialize', priority: 'high' },
      )
    },
  }
}

/** What came too late may be secret, and nobody will have it. */
function zero(output: object): void {
  for (const value of Object.values(output)) {
    if (value instanceof Uint8Array) value.fill(0)
  }
}
