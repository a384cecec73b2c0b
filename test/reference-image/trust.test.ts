import { expect, it } from 'vitest'
import { trustFrom } from '../../reference-image/trust.js'
import { refusal } from '../support/errors.js'

it('takes what is not given from the defaults of Dockerfile.enclave', () => {
  expect(trustFrom({ REGION: 'us-east-1', KMS_HOST: '', TLS_ROOTS: ' ' })).toEqual({
    region: 'us-east-1',
    kmsHost: undefined,
    parentCid: 3,
    proxyPort: 8000,
    controlPort: 5000,
    receiveWindow: undefined,
    credentialsPort: undefined,
    testCredentials: undefined,
    tlsRoots: undefined,
  })
})

it('reads every argument', () => {
  const testCredentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  expect(
    trustFrom({
      REGION: 'eu-west-1',
      KMS_HOST: 'kms.example.com',
      TLS_ROOTS: 'pem',
      PARENT_CID: '2',
      PROXY_PORT: '8001',
      CONTROL_PORT: '5001',
      RECEIVE_WINDOW: '3072',
      CREDENTIALS_PORT: '8002',
      TEST_CREDENTIALS: JSON.stringify(testCredentials),
    }),
  ).toEqual({
    region: 'eu-west-1',
    kmsHost: 'kms.example.com',
    tlsRoots: 'pem',
    parentCid: 2,
    proxyPort: 8001,
    controlPort: 5001,
    receiveWindow: 3072,
    credentialsPort: 8002,
    testCredentials,
  })
})

it('refuses credentials that are no JSON, without showing them', async () => {
  const error = await refusal(() => trustFrom({ TEST_CREDENTIALS: 'AKIASECRET' }))
  expect(error).toMatchObject({ code: 'ERR_ENCLAVE_CONFIG', message: 'TEST_CREDENTIALS: not JSON' })
})
