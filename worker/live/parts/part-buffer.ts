import type { PartEvent } from '../../../shared/contract/live.ts'

/** A part as gateways read it. */
export type KeptPart = { readonly event: PartEvent; readonly bytes: Buffer }

/** The newest parts of a broadcast. */
export type PartBuffer = {
  add(part: KeptPart): void
  /** Returns the kept parts in the order in which they were added. */
  list(): readonly KeptPart[]
  /** Returns the bytes of a part; `null` where it is not kept. `name`: `{run}/{rung}/{n}.{part}`. */
  find(name: string): Buffer | null
  /** Calls back for each part from now on; returns a function that ends this. */
  subscribe(onPart: (part: KeptPart) => void): () => void
}

/** More than playlists list, which learn of a segment later than of its parts: a worker that catches up is fast. */
const KEPT_SEGMENTS = 6

/** Creates an empty buffer. It keeps the parts of the last six segments. */
export function createPartBuffer(): PartBuffer {
  const segments = new Map<string, KeptPart[]>()
  const subscribers = new Set<(part: KeptPart) => void>()
  const list = () => [...segments.values()].flat()
  return {
    add: (part) => {
      const key = `${part.event.run}/${part.event.n}`
      segments.set(key, [...(segments.get(key) ?? []), part])
      for (const old of [...segments.keys()].slice(0, -KEPT_SEGMENTS)) segments.delete(old)
      for (const onPart of subscribers) onPart(part)
    },
    list,
    find: (name) => list().find(({ event }) => namePart(event) === name)?.bytes ?? null,
    subscribe: (onPart) => {
      subscribers.add(onPart)
      return () => subscribers.delete(onPart)
    },
  }
}

function namePart({ run, rung, n, part }: PartEvent): string {
  return `${run}/${rung}/${n}.${part}`
}
