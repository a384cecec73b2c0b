/** Makes keys and aliases in the account that `file` keeps, several at a time, and tells of each when it is made. */
import { openAccount } from '../../../simulator/kms/account.js'
import type { OperationContext } from '../../../simulator/kms/operations.js'
import { OPERATIONS } from '../../../simulator/kms/operations.js'
import { parsePolicy } from '../../../simulator/kms/policy/policy-document.js'

const [file = '', round = ''] = process.argv.slice(2)
const account = await openAccount({ region: 'us-east-1', file })
const ctx: OperationContext = {
  account,
  principal: {
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'none' },
    arn: 'arn:aws:iam::123456789012:user/somebody',
    policy: parsePolicy({ Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' } }),
  },
  verify: () => Promise.reject(new Error('no documents here')),
  keyStores: new Map(),
  now: () => new Date(),
}
const call = async (name: string, input: object) => OPERATIONS.get(name)?.(input, ctx) as Promise<unknown>

async function mutate(worker: number): Promise<void> {
  for (let n = 0; ; n++) {
    const { KeyMetadata } = (await call('CreateKey', {})) as { KeyMetadata: { KeyId: string } }
    const { KeyId } = KeyMetadata
    process.send?.({ key: KeyId })
    const alias = `alias/${round}-${worker}-${n}`
    await call('CreateAlias', { AliasName: alias, TargetKeyId: KeyId })
    process.send?.({ alias })
    await call('DisableKey', { KeyId })
    process.send?.({ disabled: KeyId })
  }
}
await Promise.all([0, 1, 2].map(mutate))
