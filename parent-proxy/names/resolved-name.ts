/** The addresses of one name: fresh while their TTL runs, and the last good ones while DNS fails (RFC 8767). */
import { OperationError } from '../../shared/errors.js'
import type { Family, Question } from './dns-question.js'

export interface NameOptions {
  /** Those that are wanted; asked for at once. */
  readonly families: readonly Family[]
  readonly question: Question
  /** Milliseconds, in place of the records' own. */
  readonly ttl: number | undefined
  /** Milliseconds, of a clock that is never set back. */
  readonly now: () => number
  /** Once for each time that DNS was asked in vain; stale: the last good answer serves. */
  readonly onFailure: (failure: { host: string; error: Error; stale: boolean }) => void
}

export type Addresses = Readonly<Record<Family, readonly string[]>>

/** Rejects with OperationError ERR_PROXY_DNS. */
export type ResolvedName = () => Promise<Addresses>

/** RFC 8767 section 4: a TTL of more than seven days counts as seven. */
const MAX_TTL = 7 * 86_400_000
/** RFC 8767 section 5: how long after its TTL a last good answer may serve (maximum stale timer) ... */
const MAX_STALE = 3 * 86_400_000
/** ... and how long a caller waits for a better one (client response timer); less while DNS is known to fail. */
const PATIENCE = { first: 1_800, failing: 200 }
/** Milliseconds without a new question after one in vain (failure recheck timer), with a last good answer or not. */
const RECHECK = { stale: 5_000, unknown: 1_000 }
/** RFC 8305 section 3: how long one family's answer waits for the other's. */
const RESOLUTION_DELAY = 50

const CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no such name',
  ENODATA: 'the name has no address',
  ESERVFAIL: 'the DNS server failed',
  EREFUSED: 'the DNS server refuses to answer',
  EBADRESP: 'the DNS server answered nonsense',
  ETIMEOUT: 'no DNS server answered',
  ECONNREFUSED: 'no DNS server is running there',
}

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message

/** The server knows the name, or knows that there is none: nothing has failed as long as the other family exists. */
const isAbsent = (outcome: Error | 'found' | undefined): boolean =>
  outcome instanceof Error && ['ENODATA', 'ENOTFOUND'].includes(codeOf(outcome))

const hasAnswered = (outcome: Error | 'found' | undefined): boolean =>
  outcome === 'found' || isAbsent(outcome)

const failureOf = (name: string, cause: Error): OperationError => {
  const code = codeOf(cause)
  const why = CAUSES[code] === undefined ? code : `${CAUSES[code]} (${code})`
  const hint = name.includes('.') ? '' : '; no search domain is added to it: write the whole name'
  return new OperationError('ERR_PROXY_DNS', `${name} was not resolved: ${why}${hint}`, { cause })
}

const after = (delay: number, call: () => void): NodeJS.Timeout => setTimeout(call, delay).unref()

/** Resolves with `promise`, which never rejects, or `delay` ms after now, whichever is first. */
const atMost = (delay: number, promise: Promise<void>): Promise<void> =>
  new Promise((resolve) => {
    const timer = after(delay, resolve)
    void promise.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })

export const resolvedName = (name: string, options: NameOptions): ResolvedName => {
  const { families, question, ttl, now, onFailure } = options
  const good = new Map<Family, { readonly addresses: readonly string[]; readonly until: number }>()
  /** Of the round that runs, or ran last. */
  const outcomes = new Map<Family, Error | 'found'>()
  const asking = new Map<Family, Promise<void>>()
  let round: { readonly done: Promise<void>; readonly bearable: Promise<void> } | undefined
  let askAgainAt = Number.NEGATIVE_INFINITY
  /** Why the last round was in vain. */
  let failure: OperationError | undefined

  const found = () => families.filter((family) => outcomes.get(family) === 'found')

  const usable = (family: Family): readonly string[] => {
    const last = good.get(family)
    return last !== undefined && now() <= last.until + MAX_STALE ? last.addresses : []
  }
  const isKnown = () => families.some((family) => usable(family).length > 0)

  const ask = async (family: Family): Promise<void> => {
    try {
      const records = await question(name, family)
      const until = now() + (ttl ?? Math.min(records.ttl, MAX_TTL))
      good.set(family, { addresses: [...new Set(records.addresses)], until })
      outcomes.set(family, 'found')
    } catch (error) {
      outcomes.set(family, error as Error)
    }
    asking.delete(family)
    if (found().length === 0) return
    for (const other of families) if (isAbsent(outcomes.get(other))) good.delete(other)
    if (round === undefined) schedule()
  }

  /** With one family known the name is usable; one that failed is asked for again soon, whatever the other's TTL. */
  const schedule = () => {
    const fresh = found().map((family) => good.get(family)?.until ?? 0)
    const failed = families.some((family) => !hasAnswered(outcomes.get(family)))
    askAgainAt = Math.min(...fresh, failed ? now() + RECHECK.stale : Number.POSITIVE_INFINITY)
  }

  /** Until every family has answered, or the first one has and the others had their time; they are heard later. */
  const answered = (questions: readonly Promise<void>[]): Promise<void> =>
    new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const onAnswer = () => {
        if (found().length > 0) timer ??= after(RESOLUTION_DELAY, resolve)
      }
      for (const one of questions) void one.then(onAnswer)
      void Promise.all(questions).then(() => {
        clearTimeout(timer)
        resolve()
      })
    })

  const conclude = () => {
    round = undefined
    if (found().length > 0) {
      failure = undefined
      return schedule()
    }
    const errors = [...outcomes.values()].filter((outcome) => outcome instanceof Error)
    const cause = errors.find((error) => !isAbsent(error)) ?? errors[0] ?? new Error('no answer')
    failure = failureOf(name, cause)
    const stale = isKnown()
    askAgainAt = now() + (stale ? RECHECK.stale : RECHECK.unknown)
    onFailure({ host: name, error: failure, stale })
  }

  const begin = () => {
    outcomes.clear()
    for (const family of families) if (!asking.has(family)) asking.set(family, ask(family))
    const done = answered([...asking.values()]).then(conclude)
    return { done, bearable: atMost(failure ? PATIENCE.failing : PATIENCE.first, done) }
  }

  return async () => {
    if (round === undefined && now() >= askAgainAt) round = begin()
    if (round) await (isKnown() ? round.bearable : round.done)
    const addresses = { 4: usable(4), 6: usable(6) }
    if (addresses[4].length + addresses[6].length > 0) return addresses
    throw failure ?? failureOf(name, new Error('no answer'))
  }
}
