/** What a credentials listener is told: where the parent's credentials come from, and what enclaves may do with them. */
import * as z from 'zod'
import { UsageError } from '../../shared/errors.js'

export interface SessionPolicyConfig {
  readonly roleArn: string
  /** `kms:Decrypt` and its like, 1 to 32 of them. */
  readonly actions: readonly string[]
  /** Of the STS endpoint. */
  readonly region: string
  /** Milliseconds, whole seconds from 900 s to 43,200 s, to 3,600 s for imds and container; by default 3,600 s. */
  readonly duration?: number | undefined
}

/**
 * imds: the instance's role. container: that of an ECS task or an EKS pod. file: `path`, absolute, in the shape of the
 * container's answer. With `sessionPolicy`: see session-policy.ts.
 */
export type CredentialsConfig = (
  | { readonly source: 'imds' | 'container' }
  | { readonly source: 'file'; readonly path: string }
) & { readonly sessionPolicy?: SessionPolicyConfig | undefined }

export type SourceName = CredentialsConfig['source']

/** Milliseconds; AssumeRole's own limits on DurationSeconds. */
const MIN_DURATION = 900_000
const MAX_DURATION = 43_200_000
/** Where the credentials of one role ask for those of another: role chaining (IAM User Guide, "Roles terms"). */
export const MAX_CHAINED_DURATION = 3_600_000

/** IAM's limits on a role's path and name together, and their characters. */
const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/
/** No wildcard: every action is named. */
const ACTION = /^kms:[A-Za-z]{1,44}$/
/** So many, each so long, and the policy stays below the 2,048 characters that AssumeRole takes. */
const MAX_ACTIONS = 32
const REGION = /^[a-z]{2,8}(-[a-z]{2,12}){1,3}-\d{1,2}$/

/** `duration`: how a file writes one; it gives milliseconds. */
export const credentialsSchemaWith = (duration: z.ZodType<number>) => {
  const sessionPolicy = (maxDuration: number, most: string) =>
    z
      .strictObject({
        roleArn: z.string().regex(ROLE_ARN, 'the ARN of a role, arn:aws:iam::123456789012:role/NAME'),
        actions: z
          .array(z.string().regex(ACTION, 'an action of KMS, such as kms:Decrypt, without wildcards'))
          .min(1, 'at least one action')
          .max(MAX_ACTIONS, `at most ${MAX_ACTIONS} actions`),
        region: z.string().regex(REGION, 'a region, such as us-east-1'),
        duration: z
          .pipe(
            duration,
            z
              .number()
              .min(MIN_DURATION, 'at least 900 seconds')
              .max(maxDuration, most)
              .multipleOf(1_000, 'whole seconds'),
          )
          .optional(),
      })
      .optional()
  return z.discriminatedUnion('source', [
    z.strictObject({
      source: z.enum(['imds', 'container']),
      sessionPolicy: sessionPolicy(
        MAX_CHAINED_DURATION,
        'at most 3,600 seconds: these are the credentials of a role, and STS gives a role no longer session',
      ),
    }),
    z.strictObject({
      source: z.literal('file'),
      path: z.string().regex(/^\/[^\0]+$/, 'an absolute path'),
      sessionPolicy: sessionPolicy(MAX_DURATION, 'at most 43,200 seconds'),
    }),
  ])
}

/** With a duration in milliseconds. */
export const credentialsSchema = credentialsSchemaWith(z.number())

/** Throws UsageError ERR_PROXY_CONFIG naming the member. */
export const checkCredentialsConfig = (config: CredentialsConfig): CredentialsConfig => {
  const parsed = credentialsSchema.safeParse(config)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${['credentials', ...path].join('.')}: ${message}`,
  )
  throw new UsageError('ERR_PROXY_CONFIG', problems.join('; '))
}
