/** One account of the simulated KMS in one region: its keys and aliases, in memory or kept in a file. */
import { kmsHost } from '../../enclave/kms/endpoint.js'
import { UsageError } from '../../shared/errors.js'
import { readAccountFile, writeAccountFile } from './account-file.js'
import type { AccountState, DraftState } from './account-state.js'

/** Of AWS's examples. */
const DEFAULT_ACCOUNT = '123456789012'

export interface KmsAccount extends AccountState {
  /** 12 digits. */
  readonly accountId: string
  readonly region: string
  /**
   * Changes keys and aliases: one change after the other, each wholly or, when `body` throws, not at all. Where the
   * account is kept in a file, the change is on the disk before anybody sees it.
   * Throws what `body` throws, and OperationError ERR_SIMULATOR when the file cannot be written.
   */
  change<T>(body: (draft: DraftState) => T): Promise<T>
}

export interface AccountOptions {
  readonly region: string
  /** 12 digits; 123456789012 unless given. */
  readonly accountId?: string | undefined
}

/** An account that ends with the process. Throws UsageError ERR_USAGE. */
export function createAccount({ region, accountId = DEFAULT_ACCOUNT }: AccountOptions): KmsAccount {
  checkScope(region, accountId)
  return new Account(region, accountId, { keys: new Map(), aliases: new Map() }, async () => undefined)
}

/**
 * An account that `file` keeps (mode 0600: key material stands in it), made when it is missing. Whoever opens it must
 * hold a lock: two processes would undo each other's changes.
 * Throws UsageError ERR_USAGE that names a file which is damaged, of another version, or of another region or account
 * than asked for; it stays as it is.
 */
export async function openAccount({
  region,
  accountId,
  file,
}: AccountOptions & { readonly file: string }): Promise<KmsAccount> {
  checkScope(region, accountId ?? DEFAULT_ACCOUNT)
  const kept = await readAccountFile(file)
  if (kept !== undefined) checkKept(file, kept, { region, accountId })
  const id = kept?.accountId ?? accountId ?? DEFAULT_ACCOUNT
  const save = (state: AccountState) => writeAccountFile(file, { region, accountId: id, ...state })
  const state = kept ?? { keys: new Map(), aliases: new Map() }
  if (kept === undefined) await save(state)
  return new Account(region, id, state, save)
}

function checkScope(region: string, accountId: string): void {
  kmsHost(region)
  if (!/^\d{12}$/.test(accountId)) throw new UsageError('ERR_USAGE', 'accountId must be 12 digits')
}

function checkKept(file: string, kept: { region: string; accountId: string }, asked: AccountOptions): void {
  for (const name of ['region', 'accountId'] as const) {
    if (asked[name] === undefined || asked[name] === kept[name]) continue
    throw new UsageError(
      'ERR_USAGE',
      `${file} is of the ${name} ${kept[name]}, not ${asked[name]}: ask for that one, or choose another folder`,
    )
  }
}

class Account implements KmsAccount {
  readonly region: string
  readonly accountId: string
  #state: AccountState
  readonly #save: (state: AccountState) => Promise<void>
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    region: string,
    accountId: string,
    state: AccountState,
    save: (state: AccountState) => Promise<void>,
  ) {
    this.region = region
    this.accountId = accountId
    this.#state = state
    this.#save = save
  }

  get keys(): AccountState['keys'] {
    return this.#state.keys
  }

  get aliases(): AccountState['aliases'] {
    return this.#state.aliases
  }

  change<T>(body: (draft: DraftState) => T): Promise<T> {
    const result = this.#last.then(async () => {
      const draft = { keys: new Map(this.#state.keys), aliases: new Map(this.#state.aliases) }
      const answer = body(draft)
      await this.#save(draft)
      this.#state = draft
      return answer
    })
    this.#last = result.catch(() => undefined)
    return result
  }
}
