/** The account of one simulated call: as an object for programs, as six steps for a person. */
import { parseEnvelopedData } from '../enclave/kms/enveloped-data.js'
import type { Step } from '../enclave/main.js'
import { parseAttestation } from '../shared/attestation/document.js'
import { verifyAttestation } from '../shared/attestation/index.js'
import { NitroEnclaveError } from '../shared/errors.js'
import type { AttestedRandom, Simulation } from '../simulator/index.js'
import { containsAny, SHORTEST } from '../simulator/leak-search.js'
import { readStreams } from '../simulator/trace.js'
import { chainOf, registersJson } from './document-json.js'
import { write } from './write.js'

export type Account = Awaited<ReturnType<typeof accountOf>>

interface Told {
  readonly simulation: Simulation
  readonly answer: AttestedRandom
  /** File of the forwarded bytes. */
  readonly trace: string
  /** Milliseconds until the three processes were ready. */
  readonly start: number
  readonly numberOfBytes: number
}

export async function accountOf({ simulation, answer, trace, start, numberOfBytes }: Told) {
  const { random, steps } = answer
  const parent = await simulation.endEnclave()
  const { secretAccessKey } = await simulation.dependencies.credentials()
  const attested = stepOf(steps, 'attest')
  const opened = stepOf(steps, 'open')
  const called = stepOf(steps, 'call')
  const keyPair = stepOf(simulation.started, 'keyPair')
  const { document } = parseAttestation(attested.document)
  const secrets = [random, attested.document, Buffer.from(secretAccessKey), Buffer.from('TrentService')]
  return {
    numberOfBytes,
    random: Buffer.from(random).toString('hex'),
    document: {
      moduleId: document.moduleId,
      timestamp: document.timestamp.toISOString(),
      pcrs: registersJson(document.pcrs),
      size: attested.document.length,
    },
    verification: {
      ...(await verdict(attested.document, simulation.attestationRoot)),
      chain: chainOf(document).map(({ subject }) => subject),
    },
    ciphertextForRecipient: {
      size: opened.ciphertextForRecipient.length,
      segments: parseEnvelopedData(opened.ciphertextForRecipient).segments,
    },
    parent: { ...parent, sawPlaintext: containsAny(readStreams(trace), secrets) },
    processes: simulation.processes,
    timings: {
      start: rounded(start),
      keyPair: rounded(keyPair.duration),
      attest: rounded(attested.duration),
      kms: rounded(called.duration - attested.duration - opened.duration),
      open: rounded(opened.duration),
      call: rounded(called.duration),
    },
  }
}

async function verdict(document: Uint8Array, root: Uint8Array) {
  try {
    await verifyAttestation(document, { roots: [root] })
    return { ok: true }
  } catch (error) {
    if (!(error instanceof NitroEnclaveError)) throw error
    return { ok: false, code: error.code, message: error.message }
  }
}

function stepOf<Name extends Step['name']>(
  steps: readonly Step[],
  name: Name,
): Extract<Step, { name: Name }> {
  const step = steps.find((one): one is Extract<Step, { name: Name }> => one.name === name)
  if (step === undefined) throw new RangeError(`the enclave gave no account of its step ${name}`)
  return step
}

/** Hundredths of a millisecond. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}

export function printAccount(account: Account): void {
  const { document, verification, ciphertextForRecipient: reply, parent, processes, timings } = account
  const verified = verification.ok ? 'verified' : `refused here (${verification.code})`
  const segments = `${reply.segments} segment${reply.segments === 1 ? '' : 's'}`
  const unsearched =
    account.numberOfBytes < SHORTEST ? ` (random bytes are looked for from ${SHORTEST} up)` : ''
  const lines: readonly [string, string, string, number?][] = [
    ['1', 'enclave', 'made an RSA-2048 key pair; the private half never leaves it', timings.keyPair],
    ['2', 'enclave', `had its simulated NSM attest the public key: ${document.size} bytes`, timings.attest],
    ['', '', `module_id ${document.moduleId}`],
    ['', '', `PCR0 ${document.pcrs[0]}`],
    [
      '',
      '',
      `signature, and ${verification.chain.length} certificates up to the simulator's root: ${verified}`,
    ],
    [
      '3',
      'enclave',
      `sent GenerateRandom { NumberOfBytes: ${account.numberOfBytes}, Recipient } over TLS, by vsock 3:8000`,
    ],
    ['', 'parent', `forwarded ${parent.bytesUp} bytes up and ${parent.bytesDown} bytes down`],
    ['', '', `plaintext in them: ${parent.sawPlaintext ? 'YES' : 'none'}${unsearched}`],
    ['4', 'KMS', 'checked credentials, document and policy, and encrypted to the public key'],
    ['5', 'KMS', `answered CiphertextForRecipient: ${reply.size} bytes of CMS, ${segments}`, timings.kms],
    ['6', 'enclave', `opened it: ${account.random.length / 2} bytes`, timings.open],
  ]
  write('One attested GenerateRandom, by three processes:')
  write(
    `enclave (pid ${processes.enclave}), parent proxy (pid ${processes.parentProxy}), simulated KMS (pid ${processes.kms})\n`,
  )
  for (const [step, who, what, duration] of lines) {
    const text = ` ${step.padEnd(1)} ${who.padEnd(8)} ${what}`
    write(duration === undefined ? text : `${text.padEnd(86)}${duration.toFixed(2).padStart(8)} ms`)
  }
  write(`\nrandom bytes: ${account.random}`)
}
