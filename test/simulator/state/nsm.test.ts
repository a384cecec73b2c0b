import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { attest } from '../../../enclave/nsm/attest.js'
import { describeNsm } from '../../../enclave/nsm/describe.js'
import { getRandom } from '../../../enclave/nsm/random.js'
import { describePcr, describePcrs, extendPcr, lockPcr, lockPcrs } from '../../../enclave/nsm/registers.js'
import { verifyAttestation } from '../../../shared/attestation/index.js'
import { enclaveIdentity } from '../../../simulator/identity.js'
import { createSimulatedNsm } from '../../../simulator/nsm.js'
import { authorityIn } from '../../../simulator/state/authority.js'
import { simulatedNsmIn } from '../../../simulator/state/nsm.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { nsmConformance } from '../../support/nsm-conformance.js'

const ZERO = new Uint8Array(48)
const file = (folder: string) => join(folder, 'nsm.json')
const rootOf = (folder: string) => readFileSync(join(folder, 'attestation-root.pem'), 'utf8')

describe('the module of a folder conforms', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nitro-enclave-test-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  nsmConformance(() => simulatedNsmIn(folder))
})

describe('a folder', () => {
  it('boots one enclave, and has the same ever after', async () => {
    const folder = join(temporaryFolder(), 'state')
    const first = await describeNsm(await simulatedNsmIn(folder))
    expect(await describeNsm(await simulatedNsmIn(folder))).toEqual(first)
    expect(first.moduleId).toContain((await authorityIn(folder, { region: 'us-east-1' })).instanceId)
  })

  it('boots one enclave when many come first at once', async () => {
    const folder = temporaryFolder()
    const all = await Promise.all(
      Array.from({ length: 6 }, async () => describeNsm(await simulatedNsmIn(folder))),
    )
    expect(new Set(all.map(({ moduleId }) => moduleId)).size).toBe(1)
  })

  it('keeps nothing that others could read, and nothing beside its files', async () => {
    const folder = temporaryFolder()
    await extendPcr(await simulatedNsmIn(folder), 16, Uint8Array.of(1))
    expect(statSync(file(folder)).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder).sort()).toEqual(['attestation-root.pem', 'authority.json', 'nsm.json'])
  })

  it("boots with what an enclave's boot measures: image, role, instance", async () => {
    const folder = temporaryFolder()
    const pcrs = await describePcrs(await simulatedNsmIn(folder))
    const { instanceId } = await authorityIn(folder, { region: 'us-east-1' })
    const expected = enclaveIdentity({}, instanceId).pcrs
    expect(new Map(pcrs.slice(0, 16).map(({ index, value }) => [index, value]))).toEqual(expected)
  })
})

describe('registers', () => {
  it('that are given at boot are there, and locked', async () => {
    const nsm = await simulatedNsmIn(temporaryFolder(), { pcrs: { 0: 'ab'.repeat(48), 20: 'cd'.repeat(48) } })
    expect(await describePcr(nsm, 0)).toMatchObject({ value: new Uint8Array(48).fill(0xab), locked: true })
    expect(await describePcr(nsm, 20)).toMatchObject({ value: new Uint8Array(48).fill(0xcd), locked: true })
  })

  it('cannot be given after that, and the refusal says so and what to do', async () => {
    const folder = temporaryFolder()
    await simulatedNsmIn(folder)
    const before = readFileSync(file(folder), 'utf8')
    const error = await refusal(() => simulatedNsmIn(folder, { pcrs: { 0: 'ab'.repeat(48) } }))
    expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
    expect(error.message).toContain(`the enclave of ${file(folder)} has booted`)
    expect(error.message).toContain('remove the file')
    expect(readFileSync(file(folder), 'utf8')).toBe(before)
  })

  it('that are none leave the folder without an enclave', async () => {
    const folder = temporaryFolder()
    expect(await refusal(() => simulatedNsmIn(folder, { pcrs: { 0: 'ab' } }))).toMatchObject({
      code: 'ERR_USAGE',
    })
    expect(readdirSync(folder)).not.toContain('nsm.json')
  })

  it('are those of a new enclave once the file is gone, under the same root', async () => {
    const folder = temporaryFolder()
    const first = await describeNsm(await simulatedNsmIn(folder))
    const root = rootOf(folder)
    rmSync(file(folder))
    const nsm = await simulatedNsmIn(folder, { pcrs: { 0: 'ab'.repeat(48) } })
    expect((await describeNsm(nsm)).moduleId).not.toBe(first.moduleId)
    expect(rootOf(folder)).toBe(root)
  })

  it('are seen by who opens the folder next, extended and locked', async () => {
    const folder = temporaryFolder()
    const value = await extendPcr(await simulatedNsmIn(folder), 16, Uint8Array.of(1))
    await lockPcr(await simulatedNsmIn(folder), 16)
    expect(await describePcr(await simulatedNsmIn(folder), 16)).toEqual({ index: 16, value, locked: true })
    expect(
      await refusal(async () => extendPcr(await simulatedNsmIn(folder), 16, Uint8Array.of(2))),
    ).toMatchObject({
      code: 'ERR_NSM_READ_ONLY_INDEX',
    })
  })

  it('are seen by who has it open already', async () => {
    const folder = temporaryFolder()
    const [one, other] = [await simulatedNsmIn(folder), await simulatedNsmIn(folder)]
    const value = await extendPcr(one, 16, Uint8Array.of(1))
    expect((await describePcr(other, 16)).value).toEqual(value)
    await lockPcrs(other, 32)
    expect((await describeNsm(one)).lockedPcrs).toHaveLength(32)
  })

  it('lose no extension when several extend at once', async () => {
    const folder = temporaryFolder()
    const modules = await Promise.all([1, 2, 3, 4].map(() => simulatedNsmIn(folder)))
    const given = await Promise.all(
      modules.flatMap((nsm, i) => [0, 1, 2].map((j) => extendPcr(nsm, 16, Uint8Array.of(i, j)))),
    )
    // Each extension started from another one's value: together they are one chain, and its end is what is kept.
    const { value } = await describePcr(await simulatedNsmIn(folder), 16)
    expect(chainEnd(given, modules.length)).toEqual(value)
  })

  it('show an extension to whatever is asked after it, though nobody waited', async () => {
    const nsm = await simulatedNsmIn(temporaryFolder())
    const extending = extendPcr(nsm, 16, Uint8Array.of(1))
    expect((await describePcr(nsm, 16)).value).toEqual(await extending)
  })

  it('are as they were after a refusal', async () => {
    const folder = temporaryFolder()
    const nsm = await simulatedNsmIn(folder)
    const before = readFileSync(file(folder), 'utf8')
    await refusal(() => extendPcr(nsm, 0, Uint8Array.of(1)))
    expect(readFileSync(file(folder), 'utf8')).toBe(before)
  })

  it('are extended by the data of the moment of the call', async () => {
    const nsm = await simulatedNsmIn(temporaryFolder())
    const data = Uint8Array.of(1)
    const extending = extendPcr(nsm, 16, data)
    data.fill(2)
    expect(await extending).toEqual(extension(ZERO, Uint8Array.of(1)))
  })
})

describe('a document', () => {
  it("verifies under the folder's root, and carries the registers and the name of this enclave", async () => {
    const folder = temporaryFolder()
    const nsm = await simulatedNsmIn(folder)
    const value = await extendPcr(nsm, 16, Uint8Array.of(1))
    await lockPcr(nsm, 16)
    const bytes = await attest(await simulatedNsmIn(folder), { nonce: Uint8Array.of(7) })
    const { document } = await verifyAttestation(bytes, { roots: [rootOf(folder)], nonce: Uint8Array.of(7) })
    expect(document.pcrs.get(16)).toEqual(value)
    expect(document.moduleId).toBe((await describeNsm(nsm)).moduleId)
  })

  it("verifies still when the folder is older than its instance's certificate", async () => {
    const folder = temporaryFolder()
    await simulatedNsmIn(folder)
    const later = new Date(Date.now() + 40 * 86_400_000)
    const bytes = await attest(await simulatedNsmIn(folder, { now: () => later }))
    const { document } = await verifyAttestation(bytes, { roots: [rootOf(folder)], now: later })
    expect(document.timestamp).toEqual(later)
  })

  it("does not verify under another folder's root", async () => {
    const [one, other] = [temporaryFolder(), temporaryFolder()]
    const bytes = await attest(await simulatedNsmIn(one))
    await simulatedNsmIn(other)
    expect(await refusal(() => verifyAttestation(bytes, { roots: [rootOf(other)] }))).toMatchObject({
      code: 'ERR_CERTIFICATE_UNTRUSTED_ROOT',
    })
  })

  it('is of the same make as that of a simulation', async () => {
    const folder = temporaryFolder()
    const authority = await authorityIn(folder, { region: 'us-east-1' })
    const { measurements, moduleId } = enclaveIdentity({}, authority.instanceId)
    const bytes = await attest(createSimulatedNsm({ ...measurements, authority, moduleId }))
    await verifyAttestation(bytes, { roots: [rootOf(folder)] })
  })
})

describe('a module', () => {
  it('gives random bytes', async () => {
    expect(await getRandom(await simulatedNsmIn(temporaryFolder()), 1_000)).toHaveLength(1_000)
  })

  it('that is closed answers no more', async () => {
    const nsm = await simulatedNsmIn(temporaryFolder())
    nsm.close()
    expect(await refusal(() => describeNsm(nsm))).toMatchObject({ name: 'NsmError', code: 'ERR_NSM_CLOSED' })
  })

  it('says so when the enclave in its folder is another one by now', async () => {
    const folder = temporaryFolder()
    const nsm = await simulatedNsmIn(folder)
    rmSync(file(folder))
    expect(await refusal(() => describeNsm(nsm))).toMatchObject({ code: 'ERR_USAGE' })
    await simulatedNsmIn(folder)
    const error = await refusal(() => extendPcr(nsm, 16, Uint8Array.of(1)))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('open it again') })
    expect((await describePcr(await simulatedNsmIn(folder), 16)).value).toEqual(ZERO)
  })
})

describe('a file that is damaged', () => {
  it.each<[string, (state: State) => unknown]>([
    ['of another version', (state) => ({ ...state, version: 2 })],
    ['without a module id', ({ moduleId: _, ...state }) => state],
    [
      "with a module id that is not a simulation's",
      (state) => ({ ...state, moduleId: 'i-0-enc0000000000000000' }),
    ],
    [
      'with a module id that would change a name',
      (state) => ({ ...state, moduleId: `${state.moduleId},O=x` }),
    ],
    ['with 31 registers', (state) => ({ ...state, registers: state.registers.slice(1) })],
    ['with a register of 47 bytes', (state) => changed(state, { value: '00'.repeat(47), locked: true })],
    ['with a register that is no hex', (state) => changed(state, { value: 'zz'.repeat(48), locked: true })],
    ['with a lock that is none', (state) => changed(state, { value: '00'.repeat(48), locked: 'yes' })],
    ['with a register that is null', (state) => changed(state, null)],
    ['that is null', () => null],
    ['that is a list', () => []],
  ])('%s is refused by its name, and left alone', async (_, spoil) => {
    const folder = temporaryFolder()
    const nsm = await simulatedNsmIn(folder)
    const text = JSON.stringify(spoil(JSON.parse(readFileSync(file(folder), 'utf8'))))
    writeFileSync(file(folder), text)
    for (const call of [() => simulatedNsmIn(folder), () => lockPcr(nsm, 16)]) {
      const error = await refusal(call)
      expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
      expect(error.message).toContain(file(folder))
    }
    expect(readFileSync(file(folder), 'utf8')).toBe(text)
  })

  it('is no reason to make another enclave', async () => {
    const folder = temporaryFolder()
    writeFileSync(file(folder), '{"version"')
    expect(await refusal(() => simulatedNsmIn(folder))).toMatchObject({ code: 'ERR_USAGE' })
    expect(readFileSync(file(folder), 'utf8')).toBe('{"version"')
  })
})

interface State {
  readonly moduleId: string
  readonly registers: readonly unknown[]
}

const changed = (state: State, register: unknown) => ({
  ...state,
  registers: state.registers.with(7, register),
})

function extension(old: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(old).update(data).digest())
}

/** The end of the chain that goes from zero through all of `values`, each one step by some data of `writers`. */
function chainEnd(values: readonly Uint8Array[], writers: number): Uint8Array {
  const left = new Set(values.map((value) => Buffer.from(value).toString('hex')))
  let value: Uint8Array = ZERO
  while (left.size > 0) {
    const next = Array.from({ length: writers * 3 }, (_, n) =>
      extension(value, Uint8Array.of(Math.floor(n / 3), n % 3)),
    ).find((candidate) => left.delete(Buffer.from(candidate).toString('hex')))
    if (next === undefined) throw new Error(`${left.size} extensions are not on the chain`)
    value = next
  }
  return value
}
