/** What a page asks of a verifier: a strict policy for scripts, no TLS, a clock of its own. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signedBy } from '../support/attestations.js'
import { buildChain, type Chain, NOW, PLACES } from '../support/certificates.js'
import { bundle } from './bundle.js'
import { type OpenPage, openPage, withChromium } from './chromium.js'
import { fromJson, toJson } from './transfer.js'

withChromium('a page', () => {
  let chain: Chain
  let page: OpenPage
  let pageWithoutTls: OpenPage
  beforeAll(async () => {
    const { script } = await bundle("import './page.js'")
    chain = await buildChain()
    page = await openPage(script)
    pageWithoutTls = await openPage(script, 'site.test')
  })
  afterAll(async () => {
    await page.close()
    await pageWithoutTls.close()
  })

  const verify = async (where: OpenPage, bytes: Uint8Array, options: object) => {
    const [answer] = await where.answers([{ name: 'verifyAttestation', args: toJson([bytes, options]) }])
    return answer
  }
  const options = () => ({ roots: [chain.root], now: NOW })

  it('verifies where its policy forbids eval and all scripts but its own', async () => {
    expect(page.evalIsBlocked).toBe(true)
    expect(await verify(page, signedBy(chain), options())).toContain('{"object":[["answer"')
    expect(page.uncaught).toEqual([])
  })

  it('verifies many as it verifies each, in their order', async () => {
    const documents = [
      signedBy(chain),
      signedBy(chain, { digest: 'SHA256' }),
      signedBy(chain, { timestamp: NOW.getTime() - 600_000 }),
    ]
    const each = await page.answers(
      documents.map((bytes) => ({ name: 'examineAttestation', args: toJson([bytes, options()]) })),
    )
    const examinations = each.map((text) => (fromJson(text) as { answer: unknown }).answer)
    const args = toJson([documents, { ...options(), concurrency: 2 }])
    const [many] = await page.answers([{ name: 'verifyMany', args }])
    expect(many).toBe(toJson({ answer: examinations }))
  })

  it('judges by its own clock when no time is given', async () => {
    const now = Date.now()
    const dates = { notBefore: new Date(now - 60_000), notAfter: new Date(now + 3_600_000) }
    const fresh = await buildChain(Object.fromEntries(PLACES.map((place) => [place, dates])))
    const roots = [fresh.root]
    expect(await verify(page, signedBy(fresh, { timestamp: now }), { roots })).toContain(
      '{"object":[["answer"',
    )
    const old = signedBy(fresh, { timestamp: now - 300_001 })
    expect(await verify(page, old, { roots })).toContain('ERR_POLICY_MAX_AGE')
  })

  it('that came without TLS has no WebCrypto, and says so', async () => {
    const reason = 'there is no WebCrypto here; browsers have it on https pages only'
    const error = { name: 'OperationError', code: 'ERR_WEBCRYPTO', message: reason }
    expect([page.isSecureContext, pageWithoutTls.isSecureContext]).toEqual([true, false])
    expect(await verify(pageWithoutTls, signedBy(chain), options())).toBe(
      toJson({ thrown: Object.assign(new Error(reason), error) }),
    )
    expect(pageWithoutTls.uncaught).toEqual([])
  })
})
