/** Who signs test images: a key on P-384 and its certificate, made once. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled } from '../../debian/apt-install.js'
import { cached } from '../../debian/cache.js'
import { run } from '../../debian/run.js'
import type { Signing } from '../../image/index.js'

export async function testSigner(): Promise<Signing> {
  const folder = await cached({
    name: 'signer',
    title: 'making the key that signs test images',
    source: new URL(import.meta.url),
    async make(product) {
      await ensureInstalled(['openssl'])
      const [key, certificate] = [join(product, 'key.pem'), join(product, 'certificate.pem')]
      await run('openssl', ['ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', key])
      const request = ['req', '-x509', '-new', '-key', key, '-subj', '/CN=test images', '-days', '3650']
      await run('openssl', [...request, '-sha384', '-out', certificate])
    },
  })
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { certificate: read('certificate.pem'), privateKey: read('key.pem') }
}
