/** Certificates in PEM (RFC 7468, section 5), perhaps with other text around them. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The blocks, in their order, as they stand there; whether each is a certificate is not examined. */
export function certificateBlocks(text: string): readonly string[] {
  return text.match(CERTIFICATE) ?? []
}

/** What is left of the text without them. */
export function besideCertificates(text: string): string {
  return text.replaceAll(CERTIFICATE, '').trim()
}
