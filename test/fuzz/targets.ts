/** All targets: each has a file of its name in targets/. What takes longest comes first, so that nothing waits for it. */
export const TARGETS = [
  'attestation',
  'enveloped-data',
  'proxy-config',
  'eif',
  'control-port',
  'certificate',
  'hybrid',
  'messages',
  'document',
  'cose',
  'ber',
  'cbor',
  'nsm',
  'vsock-address',
] as const

export function moduleOf(name: string): string {
  return new URL(`./targets/${name}.ts`, import.meta.url).href
}
