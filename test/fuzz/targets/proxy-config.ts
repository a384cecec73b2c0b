/** The proxy's configuration: accepted, or refused in lines that each name a place in the file. */
import { readFileSync } from 'node:fs'
import { parseConfig } from '../../../parent-proxy/config.js'
import { UsageError } from '../../../shared/errors.js'
import { mutateLines } from '../mutators/text.js'
import { broken, type Target } from '../target.js'

const utf8 = new TextDecoder()
const NAME = 'proxy.yaml'
/** Of one refusal, with the last that counts the rest. */
const MAX_LINES = 101
const SMALL = `allowlist:
  - {address: kms.eu-west-1.amazonaws.com, port: 443}
listeners:
  - listen: unix:/run/enclave:8000
    to: kms.eu-west-1.amazonaws.com:443
`
const CREDENTIALS = 'listeners:\n  - {listen: "vsock:ANY:8001", from: [16], credentials: {source: imds}}\n'
const ALIASES = 'a: &a [1, 2]\nb: [*a, *a]\nlisteners: *a\n'
const WORDS = [
  ...[
    '&a ',
    '*a',
    '!!str ',
    '!x ',
    '<<: ',
    '---\n',
    '...\n',
    '? ',
    '| ',
    '> ',
    '"',
    "'",
    '# ',
    '%YAML 1.1\n',
    '\t',
  ],
  ...[
    'listen: ',
    'to: ',
    'credentials: ',
    'allowlist:\n',
    'monitor: 127.0.0.1:9465\n',
    'ttl: 10s',
    'from: [16]',
  ],
  ...[
    '.nan',
    '0x10',
    '1e400',
    '~',
    '[',
    ']',
    '{',
    '}',
    ': ',
    '\u2028',
    '\ufeff',
    '\0',
    '__proto__: ',
    '10.0.0.0/8',
  ],
  ...[
    'dns: {servers: [10.0.0.2]}\n',
    'maxConnections: 5\n',
    'hybrid:/v.sock:52',
    '[::1]:443',
    '*.amazonaws.com',
  ],
]

export const target: Target = {
  maxLength: 3 * 1024,
  seeds: () =>
    [SMALL, CREDENTIALS, ALIASES, readFileSync('deploy/proxy.yaml', 'utf8').replace(/^ *#.*\n/gm, '')].map(
      (text) => new Uint8Array(Buffer.from(text)),
    ),
  mutators: [mutateLines],
  dictionary: WORDS.map((word) => new Uint8Array(Buffer.from(word))),
  refusals: [],
  run: (bytes) => {
    const text = utf8.decode(bytes)
    try {
      const { listeners } = parseConfig(text, NAME)
      if (listeners.length === 0) broken('something listens')
    } catch (error) {
      if (!(error instanceof UsageError) || error.code !== 'ERR_PROXY_CONFIG') throw error
      checkLines(error.message.split('\n'), text)
    }
  },
}

function checkLines(lines: readonly string[], text: string): void {
  if (lines.length > MAX_LINES) broken(`at most ${MAX_LINES} lines`)
  const height = text.split(/\r\n|\r|\n/).length
  for (const line of lines.slice(0, MAX_LINES - 1)) {
    const [, row, column] = /^proxy\.yaml:([0-9]+):([0-9]+): [^\p{C}]+$/u.exec(line) ?? []
    const isPlace = Number(row) >= 1 && Number(row) <= height && Number(column) >= 1
    if (!isPlace) broken(`a line names a place: ${JSON.stringify(line.slice(0, 100))}`)
  }
}
