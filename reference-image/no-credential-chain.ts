/** In an image, instead of the SDK's default chain of credential providers. */
export function defaultProvider(): () => Promise<never> {
  return async () => {
    throw new Error('an enclave image has no default credentials: they are handed to createKmsClient')
  }
}
