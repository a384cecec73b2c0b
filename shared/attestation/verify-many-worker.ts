/** A thread of verifyMany: examines the documents of a message, and answers with what became of them. */
import { parentPort, workerData } from 'node:worker_threads'
import { nodePrimitives } from '../crypto/node.js'
import type { VerifyOptions } from './options.js'
import { createVerifier } from './verify.js'
import { type PlainExamination, toPlain } from './verify-many-messages.js'

const { examineAttestation } = createVerifier(nodePrimitives)
const options = workerData as VerifyOptions

// Whatever is thrown here ends the thread, and the other side hears of it.
parentPort?.on('message', async (documents: readonly Uint8Array[]) => {
  const answer: PlainExamination[] = []
  for (const document of documents) answer.push(toPlain(await examineAttestation(document, options)))
  parentPort?.postMessage(answer)
})
