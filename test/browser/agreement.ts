/** Tests of the product whose calls are recorded, and the tests that follow them: that others answer the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from './bundle.js'
import { type OpenPage, openPage, withChromium } from './chromium.js'
import { answer, type FunctionName } from './functions.js'
import type { Call } from './page.js'
import { type Agreement, agreementWith } from './recording.js'

/** The tests of another file. */
export function testsOf(name: string, load: () => Promise<unknown>): void {
  describe(name, async () => {
    await load()
  })
}

/** How often each function is called above, at least: of nothing nobody would disagree. */
export type Least = Readonly<Partial<Record<FunctionName, number>>>

/** Last in a file. */
export function agreesInChromium(least: Least): void {
  withChromium('in Chromium', () => {
    let page: OpenPage
    beforeAll(async () => {
      page = await openPage((await bundle("import './page.js'")).script)
    })
    afterAll(async () => {
      await page.close()
    })

    it('each of the calls above is answered the same', async () => {
      expectAgreement(await agreementWith(page.answers), least, `Chromium ${page.version}`)
      expect(page.uncaught).toEqual([])
    }, 120_000)
  })
}

/** The same for WebCrypto in Node. */
export function agreesOverWebCrypto(least: Least): void {
  it('each of the calls above is answered the same over WebCrypto', async () => {
    const here = async (calls: readonly Call[]) => {
      const answers: string[] = []
      for (const { name, args } of calls) answers.push(await answer(name, args))
      return answers
    }
    expectAgreement(await agreementWith(here), least, 'WebCrypto in Node')
  }, 120_000)
}

function expectAgreement({ calls, disagreements }: Agreement, least: Least, where: string): void {
  const counts = Object.entries(calls).map(([name, count]) => `${name} ${count}`)
  process.stdout.write(`${where}, answers beside Node's: ${counts.join(', ')}\n`)
  // The first few: each names its test.
  expect(disagreements.slice(0, 5)).toEqual([])
  const few = Object.entries(least).filter(([name, count]) => (calls[name as FunctionName] ?? 0) < count)
  expect(few).toEqual([])
}
