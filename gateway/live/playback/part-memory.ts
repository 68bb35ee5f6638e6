import type { PartEvent } from '../../../shared/contract/live.ts'
import type { PartCache } from './part-cache.ts'

/**
 * The announced parts of a broadcast, over all its live workers: while a worker is replaced, players go on with what the
 * last one has announced.
 */
export type PartMemory = {
  /** Returns the parts of the newest segments that can be read, in order; `null`: the broadcast has none now. */
  list(): readonly PartEvent[] | null
  add(part: PartEvent): void
  /** Forgets the parts that went with their worker: those that are not held here. */
  keepHeld(): void
  /** Notes that viewers read a rung. */
  want(rung: string): void
  /** Returns whether viewers read a rung: its parts are fetched before they are listed, so that they outlive the worker. */
  isWanted(rung: string): boolean
  nameOf(part: PartRef): string
  /** The feed that may change the memory. */
  feed: object | null
}

/** The address of a part within a broadcast. */
export type PartRef = Pick<PartEvent, 'epoch' | 'rung' | 'n' | 'part'>

/** Segments whose parts are kept. */
const KEPT_SEGMENTS = 5
/** Parts of the epoch before are of use until a segment of the new one is stored. */
const KEPT_EPOCH_SEGMENTS = 3
/** How long players go on without a worker, in ms: longer than one is replaced. */
const LOST_MS = 20_000
/** A rung that no viewer reads for this long is no longer fetched, in ms. */
const WANTED_MS = 10_000

/** Creates an empty memory for a broadcast; `cache` holds the bytes of parts. */
export function createPartMemory(cache: Pick<PartCache, 'has'>, streamId: string): PartMemory {
  let parts: readonly PartEvent[] | null = null
  let lostAtMs: number | null = null
  const wantedAtMs = new Map<string, number>()
  const nameOf = ({ epoch, rung, n, part }: PartRef) => `${streamId}/${epoch}/${rung}/${n}.${part}`

  return {
    feed: null,
    nameOf,
    list: () => (lostAtMs !== null && Date.now() - lostAtMs > LOST_MS ? null : parts),
    add(part) {
      const name = nameOf(part)
      lostAtMs = null
      parts = [...(parts ?? []).filter((other) => isNearby(other, part) && nameOf(other) !== name), part]
    },
    keepHeld() {
      lostAtMs ??= Date.now()
      parts = parts === null ? null : listWhole(parts, (part) => cache.has(nameOf(part)))
    },
    want: (rung) => void wantedAtMs.set(rung, Date.now()),
    isWanted: (rung) => Date.now() - (wantedAtMs.get(rung) ?? -Infinity) < WANTED_MS,
  }
}

/** Returns whether a part is of use beside a new one. */
function isNearby({ epoch, n }: PartEvent, newest: PartEvent): boolean {
  if (epoch !== newest.epoch) return newest.n < KEPT_EPOCH_SEGMENTS
  return n > newest.n - KEPT_SEGMENTS
}

/** Returns the held parts before which no part of the same segment is missing. */
function listWhole(parts: readonly PartEvent[], isHeld: (part: PartEvent) => boolean): readonly PartEvent[] {
  const next = new Map<string, number>()
  return parts.filter((part) => {
    const segment = `${part.epoch}/${part.rung}/${part.n}`
    const isNext = part.part === (next.get(segment) ?? 0) && isHeld(part)
    if (isNext) next.set(segment, part.part + 1)
    return isNext
  })
}
