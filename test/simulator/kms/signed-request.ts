import { KMSClient } from '@aws-sdk/client-kms'
import type { KmsRequest } from '../../../simulator/kms/handle.js'
import type { Credentials } from '../../../simulator/kms/signature.js'
import { CREDENTIALS, HOST, REGION } from './support.js'

/** What the SDK's own signer makes of a body. */
export async function signedRequest(
  body: Buffer,
  operation = 'GenerateRandom',
  { accessKeyId, secretAccessKey, sessionToken }: Credentials = CREDENTIALS,
): Promise<KmsRequest> {
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
  const config = new KMSClient({ region: REGION, credentials }).config
  const signer = await config.signer()
  const headers = {
    host: HOST,
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `TrentService.${operation}`,
  }
  const request = { method: 'POST', protocol: 'https:', hostname: HOST, path: '/', headers, body }
  const signed = await signer.sign(request, { signingRegion: REGION, signingService: 'kms' })
  return { method: 'POST', url: '/', headers: signed.headers, body }
}
