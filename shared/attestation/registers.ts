/**
 * Registers that a verifier can compute itself (AWS Nitro Enclaves User Guide, "Where to get an enclave's
 * measurements"). A register begins with 48 zero bytes, and is extended once: SHA384(zeros || what is measured).
 */
import { concatenated } from '../bytes.js'
import type { Primitives } from '../crypto/primitives.js'
import { UsageError } from '../errors.js'
import { shown } from '../printable.js'
import { readCertificate } from './roots.js'

type Digest = Pick<Primitives<unknown>, 'sha384'>

const ZEROS = new Uint8Array(48)
/** Of IAM, not of STS: what is measured is the role, never a session of it (IAM User Guide, "IAM identifiers"). */
const ROLE_ARN = /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/(?:[\x21-\x7e]+\/)?[\w+=,.@-]{1,64}$/
/** The third form is the simulator's. */
const INSTANCE_ID = /^i-(?:[0-9a-f]{8}|[0-9a-f]{17}|simulated[0-9a-f]{8})$/
/** The first byte of a certificate in DER. */
const SEQUENCE = 0x30

/** PCR3: the IAM role of the parent instance, by its ARN, path and all. Throws UsageError ERR_USAGE. */
export async function pcr3OfRole(roleArn: unknown, { sha384 }: Digest): Promise<Uint8Array> {
  if (typeof roleArn !== 'string' || !ROLE_ARN.test(roleArn)) {
    throw new UsageError(
      'ERR_USAGE',
      `${shown(roleArn)} is not the ARN of an IAM role: arn:aws:iam::123456789012:role/NAME`,
    )
  }
  return await sha384(concatenated([ZEROS, new TextEncoder().encode(roleArn)]))
}

/** PCR4: the parent instance, by its id. Throws UsageError ERR_USAGE. */
export async function pcr4OfInstance(instanceId: unknown, { sha384 }: Digest): Promise<Uint8Array> {
  if (typeof instanceId !== 'string' || !INSTANCE_ID.test(instanceId)) {
    throw new UsageError(
      'ERR_USAGE',
      `${shown(instanceId)} is not the id of an instance: i-0123456789abcdef0`,
    )
  }
  return await sha384(concatenated([ZEROS, new TextEncoder().encode(instanceId)]))
}

/** PCR8: the certificate that the image was signed with, PEM or DER. Throws UsageError ERR_USAGE. */
export async function pcr8OfCertificate(certificate: unknown, { sha384 }: Digest): Promise<Uint8Array> {
  const der = readCertificate(certificate, 'signingCertificate')
  if (der[0] !== SEQUENCE) {
    throw new UsageError(
      'ERR_USAGE',
      'signingCertificate is bytes that are no certificate in DER; PEM is a text',
    )
  }
  return await sha384(concatenated([ZEROS, await sha384(der)]))
}
