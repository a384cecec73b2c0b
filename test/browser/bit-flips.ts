/** A bit of every eightieth byte or so of each document of hardware. */
import { expect, it } from 'vitest'
import { verifyAttestation } from '../../shared/attestation/index.js'
import { FormatError, VerificationError } from '../../shared/errors.js'
import { attestationCases } from '../support/attestations.js'
import { refusal } from '../support/errors.js'
import { readVector, withVectors } from '../support/vectors.js'

withVectors('documents of hardware', (directory) => {
  it.each(attestationCases(directory, 'real'))(
    '$file with one bit flipped is refused',
    async ({ file, time }) => {
      const bytes = readVector(directory, `attestation/${file}`)
      for (let position = 0; position < bytes.length; position += 79) {
        const flipped = bytes.map((byte, at) => (at === position ? byte ^ (1 << (at % 8)) : byte))
        const error = await refusal(() =>
          verifyAttestation(flipped, { now: new Date(time), clockTolerance: 1e12 }),
        )
        expect([position, error instanceof FormatError || error instanceof VerificationError]).toEqual([
          position,
          true,
        ])
      }
    },
  )
})
