import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verifyCertificatePath } from '../../../shared/certificate-path.js'
import { nodePrimitives } from '../../../shared/crypto/node.js'
import { UsageError } from '../../../shared/errors.js'
import {
  type InstanceAuthority,
  issueEnclaveCertificate,
  renewedAuthority,
} from '../../../simulator/authority.js'
import { authorityIn } from '../../../simulator/state/authority.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'

const OPTIONS = { region: 'us-east-1' }
const file = (folder: string) => join(folder, 'authority.json')
const rootFile = (folder: string) => join(folder, 'attestation-root.pem')

async function folderWithAuthority() {
  const folder = temporaryFolder()
  const authority = await authorityIn(folder, OPTIONS)
  return { folder, authority, text: readFileSync(file(folder), 'utf8') }
}

describe('the authority of a folder', () => {
  it('is made once, and is the same ever after', async () => {
    const { folder, authority } = await folderWithAuthority()
    expect(await authorityIn(folder, OPTIONS)).toEqual(authority)
    expect(authority.instanceId).toMatch(/^i-simulated[0-9a-f]{8}$/)
  })

  it('is the same for all who come first at once', async () => {
    const folder = join(temporaryFolder(), 'new', 'folder')
    const all = await Promise.all(Array.from({ length: 6 }, () => authorityIn(folder, OPTIONS)))
    for (const one of all) expect(one).toEqual(all[0])
    expect(await authorityIn(folder, OPTIONS)).toEqual(all[0])
    expect(readdirSync(folder).sort()).toEqual(['attestation-root.pem', 'authority.json'])
  })

  it('is another in another folder', async () => {
    const [one, other] = await Promise.all([folderWithAuthority(), folderWithAuthority()])
    expect(one.authority.cabundle[0]).not.toEqual(other.authority.cabundle[0])
  })

  it("has the clock's time and the region in its certificates", async () => {
    const now = new Date('2026-05-01T12:00:00Z')
    const { cabundle } = await authorityIn(temporaryFolder(), { region: 'eu-west-3', now: () => now })
    const instance = new X509Certificate(cabundle[3] ?? new Uint8Array())
    expect(instance.subject).toContain('.eu-west-3.simulated')
    expect(new Date(instance.validFrom).getTime()).toBe(now.getTime() - 60_000)
  })

  it('stays as it is when somebody names another region', async () => {
    const { folder, authority } = await folderWithAuthority()
    expect(await authorityIn(folder, { region: 'eu-west-3' })).toEqual(authority)
  })

  it('can be read by its owner only, as can a folder that is made for it', async () => {
    const folder = join(temporaryFolder(), 'state')
    await authorityIn(folder, OPTIONS)
    expect(statSync(file(folder)).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  it('is not made for a region that would change its names', async () => {
    const folder = temporaryFolder()
    const error = await refusal(() => authorityIn(folder, { region: 'us-east-1, O=Amazon' }))
    expect(error.code).toBe('ERR_USAGE')
    expect(readdirSync(folder)).toEqual([])
  })

  it('is not made in a file, which is named', async () => {
    const { folder } = await folderWithAuthority()
    const error = await refusal(() => authorityIn(file(folder), OPTIONS))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining(file(folder)) })
  })
})

describe("the root's own file", () => {
  it('is its certificate in PEM, for anybody', async () => {
    const { folder, authority } = await folderWithAuthority()
    const { raw } = new X509Certificate(readFileSync(rootFile(folder)))
    expect(new Uint8Array(raw)).toEqual(authority.cabundle[0])
    expect(statSync(rootFile(folder)).mode & 0o777).toBe(0o644)
  })

  it.each([
    ['missing', (path: string) => rmSync(path)],
    ["somebody else's", (path: string) => writeFileSync(path, 'text')],
  ])('comes back when it is %s', async (_, spoil) => {
    const { folder } = await folderWithAuthority()
    const before = readFileSync(rootFile(folder), 'utf8')
    spoil(rootFile(folder))
    await authorityIn(folder, OPTIONS)
    expect(readFileSync(rootFile(folder), 'utf8')).toBe(before)
  })
})

describe('a damaged file', () => {
  /** The refusal of a folder whose file is `text`, which stands there unchanged afterwards. */
  async function refused(folder: string, text: string) {
    writeFileSync(file(folder), text)
    const error = await refusal(() => authorityIn(folder, OPTIONS))
    expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
    expect(error.message).toContain(file(folder))
    expect(readFileSync(file(folder), 'utf8')).toBe(text)
    return error
  }

  it.each(['', '{', 'null', '[]', '7', '{}', '{"version":1}'])(
    'of the text %j is refused by its name',
    async (text) => {
      await refused(temporaryFolder(), text)
    },
  )

  it('that ends anywhere too early is refused', async () => {
    const { folder, text } = await folderWithAuthority()
    await fc.assert(
      fc.asyncProperty(fc.nat(text.trimEnd().length - 1), async (length) => {
        await refused(folder, text.slice(0, length))
      }),
      { numRuns: 30 },
    )
  })

  it.each(['cabundle', 'privateKey', 'rootKey', 'region', 'instanceId', 'version'])(
    'without %s is refused',
    async (name) => {
      const { folder, text } = await folderWithAuthority()
      await refused(folder, JSON.stringify({ ...JSON.parse(text), [name]: undefined }))
    },
  )

  it.each(['privateKey', 'rootKey', 'region', 'instanceId', 'cabundle'] as const)(
    "with another authority's %s is refused",
    async (name) => {
      const [{ folder, text }, other] = [await folderWithAuthority(), await folderWithAuthority()]
      const changed = name === 'region' ? 'eu-west-3' : JSON.parse(other.text)[name]
      const error = await refused(folder, JSON.stringify({ ...JSON.parse(text), [name]: changed }))
      expect(error.message).toMatch(/holds no certificate authority \(.+\)/)
    },
  )

  it("with another's root above its own certificates is refused", async () => {
    const [{ folder, text }, other] = [await folderWithAuthority(), await folderWithAuthority()]
    const own = JSON.parse(text)
    const { cabundle, rootKey } = JSON.parse(other.text)
    const error = await refused(
      folder,
      JSON.stringify({ ...own, rootKey, cabundle: [cabundle[0], ...own.cabundle.slice(1)] }),
    )
    expect(error.message).toContain('certificate 2 of cabundle was not issued by the one before it')
  })

  it('with any byte of a certificate or a key changed is refused, or does its work all the same', async () => {
    const { folder, text, authority } = await folderWithAuthority()
    const parts = [...authority.cabundle, authority.privateKey, authority.rootKey]
    const places = fc
      .nat(parts.length - 1)
      .chain((part) =>
        fc.tuple(fc.constant(part), fc.nat((parts[part]?.length ?? 1) - 1), fc.integer({ min: 1, max: 255 })),
      )
    const encoded = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
    await fc.assert(
      fc.asyncProperty(places, async ([part, at, difference]) => {
        const old = parts[part] ?? new Uint8Array()
        const changed = text.replace(encoded(old), encoded(old.with(at, (old[at] ?? 0) ^ difference)))
        writeFileSync(file(folder), changed)
        const opened = await authorityIn(folder, OPTIONS).catch((error: unknown) => error)
        if (opened instanceof UsageError) expect(readFileSync(file(folder), 'utf8')).toBe(changed)
        else await expectToWork(opened as InstanceAuthority, authority.cabundle[0])
      }),
      { numRuns: 100, examples: [[[4, 5, 1]], [[4, 32, 1]], [[5, 32, 1]], [[4, 180, 1]]] },
    )
  })

  it('says nothing of the keys in it', async () => {
    const { folder, text } = await folderWithAuthority()
    const { privateKey } = JSON.parse(text)
    const error = await refused(folder, text.replace(privateKey, `${privateKey.slice(0, -8)}AAAAAAAA`))
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain(privateKey.slice(40, 80))
    expect(error.cause).toBeUndefined()
  })
})

/** Both of its keys are in use: the instance's today, the root's when the instance's certificate is over. */
async function expectToWork(
  authority: InstanceAuthority,
  root: Uint8Array = new Uint8Array(),
): Promise<void> {
  for (const days of [0, 2]) {
    const at = new Date(Date.now() + days * 86_400_000)
    const { cabundle, ...rest } = await renewedAuthority(authority, at)
    const { certificate } = await issueEnclaveCertificate({ cabundle, ...rest }, 'i-simulated0-enc0', at)
    const path = { certificate, cabundle, roots: [root], at }
    expect((await verifyCertificatePath(path, nodePrimitives)).certificates).toHaveLength(5)
  }
}
