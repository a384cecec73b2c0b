import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { listenerSchema, proxySchema } from '../../parent-proxy/config/schema.js'
import { parseConfig } from '../../parent-proxy/config.js'

const FILE = 'deploy/proxy.yaml'
const sample = readFileSync(FILE, 'utf8')
/** With the options that are commented out: `#key: value`, where prose has a space. */
const complete = sample.replace(/^( *)#(\w+:)/gm, '$1$2')

it('is a configuration', () => {
  expect(parseConfig(sample, FILE).listeners.length).toBeGreaterThan(1)
})

it('has at their defaults what is commented out', () => {
  const [first] = parseConfig(complete, FILE).listeners
  expect(first).toMatchObject({
    maxConnections: 4096,
    queue: 1024,
    connectTimeout: 10_000,
    idleTimeout: 0,
    halfOpenTimeout: 300_000,
  })
  // The default of this one is AWS's, and so not in what is read.
  const comparable = (text: string) =>
    JSON.stringify(parseConfig(text.replace(/^ *duration: 1h\n/m, ''), FILE))
  expect(comparable(complete)).toBe(comparable(sample))
})

it('shows every option', () => {
  const inner = [
    'servers',
    'level',
    'ttl',
    'prefer',
    'source',
    'sessionPolicy',
    'roleArn',
    'actions',
    'region',
  ]
  const keys = [...Object.keys(proxySchema.shape), ...Object.keys(listenerSchema.shape), ...inner, 'duration']
  for (const key of keys) expect(complete, key).toMatch(new RegExp(`^[ -]*${key}:`, 'm'))
})
