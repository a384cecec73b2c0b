/** Rules for names of aliases. Source: KMS API Reference, "CreateAlias", AliasName. */
import { invalidAliasName } from '../errors.js'

export const ALIAS_PREFIX = 'alias/'

export const ALIAS_NAME = /^alias\/[a-zA-Z0-9/_-]{1,250}$/

/** For AWS's own. */
const RESERVED = 'alias/aws/'

/** Throws KmsError InvalidAliasNameException. The texts are invented: AWS does not publish them. */
export function checkNewAlias(name: string): void {
  if (name.startsWith(RESERVED)) throw invalidAliasName(`${RESERVED} is reserved for AWS managed keys`)
  if (!ALIAS_NAME.test(name)) {
    throw invalidAliasName(
      'An alias is alias/ and a name of letters, digits, slashes, underscores and dashes',
    )
  }
}
