/** Documents that AWS's hardware signed, with one bit of them flipped. */
import { expect, it } from 'vitest'
import { verifyAttestation } from '../../../shared/attestation/index.js'
import { FormatError, VerificationError } from '../../../shared/errors.js'
import { type AttestationCase, attestationCases } from '../../support/attestations.js'
import { refusal } from '../../support/errors.js'
import { readVector, withVectors } from '../../support/vectors.js'

const anyAge = { maxAge: Number.POSITIVE_INFINITY }

withVectors('documents of real hardware with one bit flipped', (directory) => {
  const read = ({ file }: AttestationCase) => readVector(directory, `attestation/${file}`)
  const real = attestationCases(directory, 'real')
  const refused = async (item: AttestationCase, position: number, bit: number) => {
    const bytes = Uint8Array.from(read(item))
    bytes[position] = (bytes[position] ?? 0) ^ (1 << bit)
    const options = { now: new Date(item.time), allowDebug: true, clockTolerance: 1e12, ...anyAge }
    const error = await refusal(() => verifyAttestation(bytes, options))
    const expected = error instanceof FormatError || error instanceof VerificationError
    expect([position, bit, expected]).toEqual([position, bit, true])
  }
  const find = (name: string) => {
    const item = real.find(({ file }) => file.includes(name))
    if (item === undefined) throw new Error(`no document of ${name}`)
    return item
  }

  it.each(['mystenlabs', 'capeprivacy'])('%s is refused, at every seventh byte', async (name) => {
    const item = find(name)
    const { length } = read(item)
    for (let position = 0; position < length; position += 7) await refused(item, position, (position / 7) % 8)
  })

  it('dstack is refused, at every byte', async () => {
    const item = find('dstack')
    const { length } = read(item)
    for (let position = 0; position < length; position++) await refused(item, position, (position * 5) % 8)
  }, 120_000)
})
