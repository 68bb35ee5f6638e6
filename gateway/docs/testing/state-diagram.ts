/** One arrow of a state diagram: what leads from one status to another. */
export type Arrow = { readonly from: string; readonly to: string; readonly event: string }

/** Returns the arrows of the Mermaid state diagram in a section of a guide, without those of the start and the ends. */
export function readArrows(section: string): readonly Arrow[] {
  const [, diagram = ''] = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(section) ?? []
  return [...diagram.matchAll(/^ *(\w+) --> (\w+): (.+)$/gm)].flatMap(([, from = '', to = '', events = '']) =>
    events.split(', ').map((event) => ({ from, to, event })),
  )
}

/** A pure status function with all that it can be called with. `nameOf` is how the diagram calls an event. */
export type StatusFunction<Status extends string, Event> = {
  readonly statuses: readonly Status[]
  readonly events: readonly Event[]
  readonly nextStatus: (status: Status, event: Event) => Status | null
  readonly nameOf: (event: Event) => string
}

/**
 * Returns the arrows of a status function: each event in each status that leads to another status. An event that
 * changes nothing has `null` or the same status as its result.
 */
export function listArrows<Status extends string, Event>(of: StatusFunction<Status, Event>): readonly Arrow[] {
  return of.statuses.flatMap((from) =>
    of.events.flatMap((event) => {
      const to = of.nextStatus(from, event)
      return to === null || to === from ? [] : [{ from, to, event: of.nameOf(event) }]
    }),
  )
}

/** Returns the statuses of a section's diagram at which it starts, or ends (`[*]`). */
export function readEdges(section: string): { readonly starts: readonly string[]; readonly ends: readonly string[] } {
  const names = (pattern: RegExp) => [...section.matchAll(pattern)].map(([, name = '']) => name)
  return { starts: names(/^ *\[\*\] --> (\w+)/gm), ends: names(/^ *(\w+) --> \[\*\]/gm) }
}
