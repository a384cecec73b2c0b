/** Who may come in now, who waits, and who is sent away: limits on all connections, on one listener, on one CID. */

export interface Limits {
  /** Open at once. */
  readonly maxConnections: number
  /** Open at once of one CID. */
  readonly maxConnectionsPerCid: number
}

/** Of all listeners together. */
export interface SharedLimits extends Limits {
  /** File descriptors for connections: an open one takes two, a waiting one takes one. */
  readonly descriptors: number
}

/** The part of the descriptors that may be borrowed: an upstream that is dead leaves the rest to others. */
const BORROWED = 1 / 8

/** Of one listener. */
export interface LaneLimits extends Limits {
  /** How many may wait for a place. */
  readonly queue: number
}

/** Begins a connection that has a place; `release` gives the place back. */
export type Start = (release: () => void) => void

/** One listener's way in. */
export interface Lane {
  readonly open: number
  readonly waiting: number
  /**
   * Calls `start` at once, or when there is room again: first come, first served, but nobody waits for another CID's
   * limit. Returns a function that leaves the queue (false: no longer in it), undefined if there was no room to wait.
   */
  enter(cid: number | undefined, start: Start): (() => boolean) | undefined
  /** From now on; who is in stays in. */
  limit(limits: LaneLimits): void
}

export interface Admission {
  readonly open: number
  addLane(limits: LaneLimits): Lane
  /**
   * One descriptor more for a connection that has its place, for as long as it tries several addresses; returns what
   * gives it back, undefined if there is none to spare.
   */
  borrow(): (() => void) | undefined
  /** From now on; who is in stays in. */
  limit(limits: SharedLimits): void
}

/** How many are in, and how many of them of each CID. */
class Count {
  all = 0
  readonly #byCid = new Map<number, number>()

  change(cid: number | undefined, by: 1 | -1): void {
    this.all += by
    if (cid === undefined) return
    const now = (this.#byCid.get(cid) ?? 0) + by
    if (now === 0) this.#byCid.delete(cid)
    else this.#byCid.set(cid, now)
  }

  hasRoom(cid: number | undefined, { maxConnections, maxConnectionsPerCid }: Limits): boolean {
    if (this.all >= maxConnections) return false
    return cid === undefined || (this.#byCid.get(cid) ?? 0) < maxConnectionsPerCid
  }
}

interface Place {
  readonly count: Count
  limits: LaneLimits
  waiting: number
}

interface Waiting {
  readonly place: Place
  readonly cid: number | undefined
  readonly start: Start
}

export const createAdmission = (initial: SharedLimits): Admission => {
  let shared = initial
  const count = new Count()
  const queue = new Set<Waiting>()
  let borrowed = 0

  const hasDescriptors = (more: number) => 2 * count.all + borrowed + queue.size + more <= shared.descriptors

  const hasRoom = (place: Place, cid: number | undefined, descriptors: number) =>
    place.count.hasRoom(cid, place.limits) && count.hasRoom(cid, shared) && hasDescriptors(descriptors)

  const leave = (waiting: Waiting): boolean => {
    if (!queue.delete(waiting)) return false
    waiting.place.waiting -= 1
    return true
  }

  /** Those who wait and now may, in the order in which they came. */
  const call = () => {
    for (const waiting of queue) {
      if (count.all >= shared.maxConnections) return
      if (!hasRoom(waiting.place, waiting.cid, 1)) continue
      leave(waiting)
      admit(waiting)
    }
  }

  const admit = ({ place, cid, start }: Waiting) => {
    place.count.change(cid, 1)
    count.change(cid, 1)
    let released = false
    start(() => {
      if (released) return
      released = true
      place.count.change(cid, -1)
      count.change(cid, -1)
      call()
    })
  }

  const enter = (place: Place, cid: number | undefined, start: Start): (() => boolean) | undefined => {
    const waiting = { place, cid, start }
    if (hasRoom(place, cid, 2)) {
      admit(waiting)
      return () => false
    }
    if (place.waiting >= place.limits.queue || !hasDescriptors(1)) return undefined
    queue.add(waiting)
    place.waiting += 1
    return () => leave(waiting)
  }

  const borrow = (): (() => void) | undefined => {
    if (borrowed + 1 > shared.descriptors * BORROWED || !hasDescriptors(1)) return undefined
    borrowed += 1
    let returned = false
    return () => {
      if (returned) return
      returned = true
      borrowed -= 1
      call()
    }
  }

  return {
    borrow,
    get open() {
      return count.all
    },
    addLane: (limits) => {
      const place: Place = { count: new Count(), limits, waiting: 0 }
      return {
        get open() {
          return place.count.all
        },
        get waiting() {
          return place.waiting
        },
        enter: (cid, start) => enter(place, cid, start),
        limit: (changed) => {
          place.limits = changed
          call()
        },
      }
    },
    limit: (changed) => {
      shared = changed
      call()
    },
  }
}
