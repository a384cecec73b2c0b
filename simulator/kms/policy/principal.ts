import type { Credentials } from '../signature.js'
import type { IamPolicy } from './policy.js'

/** An identity that may call the simulated KMS. */
export interface Principal {
  readonly credentials: Credentials
  /** Of the credentials: past it KMS answers ExpiredTokenException. */
  readonly expiration?: Date | undefined
  /**
   * `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` or `arn:aws:iam::ACCOUNT:user/NAME`, of any partition;
   * `callerOf` refuses any other.
   */
  readonly arn: string
  /** Identity policy. */
  readonly policy: IamPolicy
}
