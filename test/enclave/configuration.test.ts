import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseConfiguration, readConfiguration } from '../../enclave/configuration.js'
import { amazonTrustAnchors } from '../../enclave/kms/trust-anchors.js'
import { temporaryFolder } from '../support/cli.js'
import { refusal } from '../support/errors.js'

const roots = amazonTrustAnchors().join('\n')
const json = (configuration: object) => JSON.stringify({ region: 'eu-west-1', ...configuration })

describe('the configuration of an image', () => {
  it('needs no more than a region', () => {
    expect(parseConfiguration(json({}), roots)).toEqual({
      region: 'eu-west-1',
      kmsHost: 'kms.eu-west-1.amazonaws.com',
      parentCid: 3,
      proxyPort: 8000,
      controlPort: 5000,
      trustAnchors: amazonTrustAnchors().map((pem) => pem.trim()),
    })
  })

  it('may name another host', () => {
    const kmsHost = 'vpce-1.kms.eu-west-1.vpce.amazonaws.com'
    expect(parseConfiguration(json({ kmsHost }), roots)).toMatchObject({ kmsHost })
  })

  it('may say where the parent serves credentials', () => {
    expect(parseConfiguration(json({ credentialsPort: 8001 }), roots)).toMatchObject({
      credentialsPort: 8001,
    })
  })

  it.each([
    ['no region', '{}', roots, 'region'],
    ['a region that is none', json({ region: 'mars' }), roots, 'region'],
    ['a host that is none', json({ kmsHost: 'kms/..' }), roots, 'host'],
    ['an address for a host', json({ kmsHost: '127.0.0.1' }), roots, 'host'],
    ['a port beyond 32 bits', json({ proxyPort: 2 ** 32 }), roots, 'proxyPort'],
    ['port 0', json({ controlPort: 0 }), roots, 'controlPort'],
    ['a credentials port that is none', json({ credentialsPort: '8001' }), roots, 'credentialsPort'],
    [
      'two origins of credentials',
      json({ credentialsPort: 8001, testCredentials: { accessKeyId: 'a', secretAccessKey: 'b' } }),
      roots,
      'exclude each other',
    ],
    ['CID ANY', json({ parentCid: 0xffffffff }), roots, 'parentCid'],
    ['what nobody knows', json({ endpoint: 'x' }), roots, 'endpoint'],
    ['what is no JSON', '{', roots, 'JSON'],
    ['a window that no transport takes', json({ receiveWindow: 5 }), roots, 'window'],
    ['no roots', json({}), '', 'tls-roots.pem'],
    ['a root that is none', json({}), roots.replace(/MII/, 'AAA'), 'tls-roots.pem'],
    ['a root that is cut short', json({}), `${roots}\n${roots.slice(0, 300)}`, 'tls-roots.pem'],
  ])('is refused with %s', async (_, text, pem, named) => {
    expect(await refusal(() => parseConfiguration(text, pem))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_ENCLAVE_CONFIG',
      message: expect.stringContaining(named),
    })
  })

  it('is refused without its credentials in the error', async () => {
    const testCredentials = { accessKeyId: 'AKIASECRET', secretAccessKey: ['hidden'] }
    const { message } = await refusal(() => parseConfiguration(json({ testCredentials }), roots))
    expect(message).toContain('testCredentials.secretAccessKey')
    expect(message).not.toMatch(/AKIASECRET|hidden/)
  })

  it('is read from the folder of the program', async () => {
    const folder = join(temporaryFolder(), 'a b')
    mkdirSync(folder)
    const url = pathToFileURL(`${folder}/`)
    expect(await refusal(() => readConfiguration(url))).toMatchObject({
      code: 'ERR_ENCLAVE_CONFIG',
      message: 'configuration.json cannot be read: ENOENT',
    })
    writeFileSync(join(folder, 'configuration.json'), json({}))
    writeFileSync(join(folder, 'tls-roots.pem'), roots)
    expect(readConfiguration(url)).toMatchObject({ region: 'eu-west-1' })
  })
})
