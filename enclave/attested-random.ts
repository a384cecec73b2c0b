/** Attested random bytes from KMS: all that loads the SDK, so that application.ts can begin a key pair before it. */
import { GenerateRandomCommand } from '@aws-sdk/client-kms'
import { OperationError } from '../shared/errors.js'
import { createKmsClient, type KmsClientOptions } from './kms/client.js'

export interface GenerateRandom {
  /** 1 to 1,024. */
  readonly numberOfBytes: number
  readonly customKeyStoreId?: string
  readonly signal?: AbortSignal
}

export interface Application {
  /** Random bytes from KMS, opened here. Throws KMS's own exceptions and OperationError. */
  generateRandom(request: GenerateRandom): Promise<Uint8Array>
  close(): void
}

/** `close` ends the connections to KMS. */
export function attestedRandom(options: KmsClientOptions): Application {
  const kms = createKmsClient(options)
  return {
    async generateRandom({ numberOfBytes, customKeyStoreId, signal }: GenerateRandom) {
      const command = new GenerateRandomCommand({
        NumberOfBytes: numberOfBytes,
        ...(customKeyStoreId !== undefined && { CustomKeyStoreId: customKeyStoreId }),
      })
      const { Plaintext } = await kms.send(command, signal ? { abortSignal: signal } : {})
      if (Plaintext === undefined)
        throw new OperationError('ERR_KMS_IGNORED_RECIPIENT', 'KMS answered without bytes')
      return Plaintext
    },
    close: () => kms.destroy(),
  }
}
