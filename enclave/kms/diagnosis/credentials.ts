/** KMS does not take the credentials. */
import { inWords, secondsAhead } from './clock.js'
import type { Diagnosis, Failure } from './diagnosis.js'

/** Seconds by which the clock may differ without a word. */
const SLIGHT = 60

const EXPIRED = {
  fixed: [
    'The credentials have expired, and this client was given fixed ones: nobody can renew them.',
    'Give createKmsClient a provider instead: fromParent(), pushedCredentials() or one of your own.',
  ],
  same: [
    'The credentials have expired, and the provider gave the same ones when it was asked for others.',
    'Renew them where they come from: push new ones, set the environment anew, see what the parent serves.',
  ],
  failed: [
    'The credentials have expired, and the provider failed when it was asked for others.',
    'See the `cause` of this error: it is what the provider said.',
  ],
  replaced: [
    'The credentials have expired, and so have those that the provider gave instead.',
    'See how old the credentials are that the provider gives: whoever it asks keeps them too long.',
  ],
} as const

export function expiredCredentials({ symptom, noRetry, kmsTime, now }: Failure): Diagnosis | undefined {
  if (symptom !== 'ExpiredTokenException') return undefined
  const ahead = kmsTime === undefined ? 0 : secondsAhead(now, kmsTime)
  const clock = Math.abs(ahead) > SLIGHT ? ` The clock here is ${inWords(ahead)} KMS's, which decides.` : ''
  const [likely, next] = EXPIRED[noRetry ?? 'replaced']
  return { code: 'EXPIRED_CREDENTIALS', likely: `${likely}${clock}`, next }
}

const UNKNOWN: readonly string[] = ['UnrecognizedClientException', 'InvalidClientTokenId']

export function unknownCredentials({ symptom, client }: Failure): Diagnosis | undefined {
  if (!UNKNOWN.includes(symptom)) return undefined
  return {
    code: 'UNKNOWN_CREDENTIALS',
    likely:
      'KMS does not know the access key id, or the session token does not belong to it: deleted, mistyped, mixed from ' +
      'two sets, or of another partition.',
    next:
      'Take access key id, secret access key and session token from one and the same set, of the partition of ' +
      `${client.region}.`,
  }
}

export function wrongSecret({ symptom, message }: Failure): Diagnosis | undefined {
  if (symptom !== 'InvalidSignatureException' || !/does not match the signature/i.test(message))
    return undefined
  return {
    code: 'WRONG_SECRET',
    likely: 'The secret access key is not that of the access key id.',
    next: 'Take both from the same set; look for a blank, a line break or a lost character at the ends.',
  }
}
