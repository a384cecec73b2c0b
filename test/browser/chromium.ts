/** Debian's Chromium, with one page of a site on loopback. It reaches nothing else. */
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium } from 'playwright-core'
import { suiteWith } from '../support/requirement.js'
import type { Call, Page } from './page.js'

const EXECUTABLE = '/usr/bin/chromium'
/** As strict as a site can be that runs scripts of its own. */
const STRICT = "default-src 'none'; script-src 'self'; require-trusted-types-for 'script'"
/** Characters of the calls of one batch: a whole suite's are too many for one message. */
const BATCH = 4_000_000

export function withChromium(name: string, suite: () => void): void {
  suiteWith(existsSync(EXECUTABLE), 'Chromium', name, suite)
}

export interface OpenPage {
  /** The answers of the page's functions, in the order of the calls. */
  readonly answers: (calls: readonly Call[]) => Promise<readonly string[]>
  readonly evalIsBlocked: boolean
  readonly isSecureContext: boolean
  /** What the page's script threw and nobody caught. */
  readonly uncaught: readonly string[]
  readonly version: string
  readonly close: () => Promise<void>
}

/** `host`: the site's name; Chromium takes each for a site without TLS that is not this machine, but for 127.0.0.1. */
export async function openPage(script: string, host = '127.0.0.1'): Promise<OpenPage> {
  const server = createServer(({ url }, response) => {
    if (url === '/') {
      response.setHeader('content-security-policy', STRICT)
      // Without these a page has no memory that threads share (HTML, section 7.1.3).
      response.setHeader('cross-origin-opener-policy', 'same-origin')
      response.setHeader('cross-origin-embedder-policy', 'require-corp')
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(
        '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
      )
    } else {
      response.statusCode = url === '/page.js' ? 200 : 404
      response.setHeader('content-type', 'text/javascript; charset=utf-8')
      response.end(url === '/page.js' ? script : '')
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const browser = await chromium.launch({
    executablePath: EXECUTABLE,
    chromiumSandbox: false,
    args: [
      '--disable-quic',
      '--disable-sync',
      `--host-resolver-rules=MAP ${host} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
    ],
  })
  const page = await browser.newPage()
  const uncaught: string[] = []
  page.on('pageerror', ({ message }) => uncaught.push(message))
  await page.goto(`http://${host}:${port}/`)
  const ask = (calls: readonly Call[]) =>
    page.evaluate((batch) => (globalThis as unknown as { page: Page }).page.answers(batch), calls)
  return {
    answers: async (calls) => {
      const answers: string[] = []
      for (const batch of batches(calls)) answers.push(...(await ask(batch)))
      return answers
    },
    ...(await page.evaluate(() => {
      const { isSecureContext, page } = globalThis as unknown as { isSecureContext: boolean; page: Page }
      return { isSecureContext, evalIsBlocked: page.evalIsBlocked }
    })),
    uncaught,
    version: browser.version(),
    close: async () => {
      await browser.close()
      await new Promise((done) => server.close(done))
    },
  }
}

function batches(calls: readonly Call[]): readonly Call[][] {
  const all: Call[][] = []
  let room = 0
  for (const call of calls) {
    room -= call.args.length
    if (room < 0) {
      all.push([])
      room = BATCH - call.args.length
    }
    all.at(-1)?.push(call)
  }
  return all
}
