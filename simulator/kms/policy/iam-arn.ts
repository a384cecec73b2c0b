/** ARNs of those whom policies name. Source: IAM User Guide, "IAM identifiers" and "IAM and AWS STS quotas". */

interface Identity {
  readonly partition: string
  /** 12 digits. */
  readonly account: string
}

export type IamArn = Identity &
  (
    | { readonly kind: 'root' }
    /** `name` without the path: no account has two roles of one name. */
    | { readonly kind: 'role'; readonly name: string }
    /** `name` of the role. */
    | { readonly kind: 'session'; readonly name: string }
    /** `name` with the path. */
    | { readonly kind: 'user'; readonly name: string }
  )

const NAME = '[\\w+=,.@-]{1,64}'
const PATH = '(?:[\\w+=,.@-]+/)*'
const IAM = 'arn:(aws(?:-[a-z]+)*):iam::(\\d{12}):'
const ROOT = new RegExp(`^${IAM}root$`)
const ROLE = new RegExp(`^${IAM}role/${PATH}(${NAME})$`)
const USER = new RegExp(`^${IAM}user/(${PATH}${NAME})$`)
const SESSION = new RegExp(`^${IAM.replace('iam', 'sts')}assumed-role/(${NAME})/[\\w+=,.@-]{2,64}$`)

/** Reads the ARN of an account's root, a role, a session of a role, or a user; undefined for any other text. */
export function parseIamArn(arn: string): IamArn | undefined {
  for (const [kind, pattern] of Object.entries({ root: ROOT, role: ROLE, session: SESSION, user: USER })) {
    const [, partition, account, name = ''] = pattern.exec(arn) ?? []
    if (partition !== undefined && account !== undefined) {
      return { kind: kind as 'root' | 'role' | 'session' | 'user', partition, account, name }
    }
  }
  return undefined
}
