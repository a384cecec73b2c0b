/** A verifier's policy in a file, for `verify --policy`: what `verifyAttestation` takes, in JSON. */
import { dirname, resolve } from 'node:path'
import { readMapping } from '../parent-proxy/config/issues.js'
import { located, type Path } from '../parent-proxy/config/problems.js'
import {
  pcr3OfRole,
  pcr4OfInstance,
  pcr8OfCertificate,
  type VerifyOptions,
} from '../shared/attestation/index.js'
import { UsageError } from '../shared/errors.js'
import { duplicateMember } from '../shared/json-duplicates.js'
import { withoutControls } from '../shared/printable.js'
import { readPublicKeyField, readSigningCertificate } from './attested-files.js'
import { readCertificates } from './certificate-file.js'
import { readPolicyFile } from './policy-file.js'
import { policySchema, registerValues } from './verification-policy-schema.js'

/** Paths in the file are relative to it. Throws UsageError ERR_USAGE, a line for each mistake. */
export async function readVerificationPolicy(file: string): Promise<VerifyOptions> {
  return await parseVerificationPolicy(await readPolicyFile(file), file)
}

/** `file`: where the text stands. */
export async function parseVerificationPolicy(text: string, file: string): Promise<VerifyOptions> {
  const name = withoutControls(file === '-' ? 'standard input' : file)
  const problems: string[] = []
  const report = (path: Path, message: string) => void problems.push(`${name}: ${located(path, message)}`)
  const options = await optionsOf(parsed(text, name), dirname(file), report)
  const twice = duplicateMember(text)
  if (twice !== undefined) report(twice, 'given twice')
  if (problems.length > 0) throw new UsageError('ERR_USAGE', listed(problems, name))
  return options
}

/** Nobody mends more in one go. */
const MAX_PROBLEMS = 20
/** Characters of one, which may quote a name or an ARN. */
const MAX_PROBLEM = 1000

function listed(problems: readonly string[], name: string): string {
  const lines = problems
    .slice(0, MAX_PROBLEMS)
    .map((line) => withoutControls(line.length > MAX_PROBLEM ? `${line.slice(0, MAX_PROBLEM)}…` : line))
  const more = problems.length - lines.length
  return [...lines, ...(more > 0 ? [`${name}: and ${more} more`] : [])].join('\n')
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // Its message quotes the text, which may hold a nonce.
    const [place] = / at position \d+(?: \(line \d+ column \d+\))?/.exec((error as Error).message) ?? ['']
    throw new UsageError('ERR_USAGE', `${name}: not JSON${place}`)
  }
}

type Report = (path: Path, message: string) => void

async function optionsOf(value: unknown, folder: string, report: Report): Promise<VerifyOptions> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report([], 'a policy is an object')
    return {}
  }
  const found = readMapping(policySchema, value, [], report)
  const {
    pcrs,
    moduleId,
    nonce,
    userData,
    maxAgeSeconds: maxAge,
    clockToleranceSeconds: clockTolerance,
  } = found
  const { allowDebug } = found
  const each = <T>(name: keyof typeof found, read: (value: string) => Promise<T>) =>
    eachOf(found[name] as readonly string[] | undefined, name, read, report)
  const here = (path: string) => resolve(folder, path)
  const roleArn = await each('roleArn', (arn) => pcr3OfRole(arn).then(() => arn))
  const instanceId = await each('instanceId', (id) => pcr4OfInstance(id).then(() => id))
  const signingCertificate = await each('signingCertificate', async (path) => {
    const certificate = await readSigningCertificate(here(path))
    return pcr8OfCertificate(certificate).then(() => certificate)
  })
  const roots = await each('roots', (path) => readCertificates(here(path)))
  const publicKey = await each('publicKey', (given) => readPublicKeyField(given, here))
  return {
    ...(pcrs !== undefined && { pcrs: readRegisters(pcrs, report) }),
    ...(signingCertificate && { signingCertificate }),
    ...(roleArn && { roleArn }),
    ...(instanceId && { instanceId }),
    ...(moduleId && { moduleId }),
    ...(nonce && { nonce }),
    ...(userData && { userData }),
    ...(publicKey?.[0] && { publicKey: publicKey[0] }),
    ...(maxAge !== undefined && { maxAge }),
    ...(clockTolerance !== undefined && { clockTolerance }),
    ...(allowDebug !== undefined && { allowDebug }),
    ...(roots && { roots: roots.flat() }),
  }
}

const INDEX = /^(?:[12]?[0-9]|3[01])$/

function readRegisters(value: object, report: Report): Record<number, readonly Uint8Array[]> {
  const registers: Record<number, readonly Uint8Array[]> = {}
  if (Object.keys(value).length === 0) report(['pcrs'], 'it names no register')
  for (const [index, given] of Object.entries(value)) {
    const { success, data, error } = registerValues.safeParse(given)
    if (!INDEX.test(index)) report(['pcrs', index], 'a register has a number from 0 to 31')
    else if (success) registers[Number(index)] = data
    else for (const { path, message } of error.issues) report(['pcrs', index, ...path], message)
  }
  return registers
}

/** What a reader refuses is a problem at its place. */
async function eachOf<T>(
  given: readonly string[] | string | undefined,
  name: string,
  read: (value: string) => Promise<T>,
  report: Report,
): Promise<readonly T[] | undefined> {
  if (given === undefined) return undefined
  const values = typeof given === 'string' ? [given] : given
  const results: T[] = []
  for (const [index, value] of values.entries()) {
    try {
      results.push(await read(value))
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      report(values.length === 1 ? [name] : [name, index], error.message)
    }
  }
  return results
}
