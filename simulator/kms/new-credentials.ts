/** Credentials that this simulation's KMS knows, and nobody else: random ones in the forms that AWS gives. */
import { randomBytes, randomInt } from 'node:crypto'
import type { Credentials } from './signature.js'

/** Of a role: good until `expiration`. */
export interface RoleCredentials extends Credentials {
  readonly sessionToken: string
  readonly expiration: Date
}

/** Milliseconds: the longest session that AssumeRole gives. */
export const ROLE_SESSION = 43_200_000

/** A user's, which do not expire. */
export function newUserCredentials(): { accessKeyId: string; secretAccessKey: string } {
  return { accessKeyId: newAccessKeyId('AKIA'), secretAccessKey: newSecret() }
}

export function newRoleCredentials(): RoleCredentials {
  return {
    accessKeyId: newAccessKeyId('ASIA'),
    secretAccessKey: newSecret(),
    sessionToken: randomBytes(96).toString('base64'),
    expiration: new Date(Date.now() + ROLE_SESSION),
  }
}

/** Of the characters that access keys have (RFC 4648, base 32). */
const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function newAccessKeyId(prefix: 'AKIA' | 'ASIA'): string {
  return prefix + Array.from({ length: 16 }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('')
}

/** 40 characters. */
function newSecret(): string {
  return randomBytes(30).toString('base64')
}
