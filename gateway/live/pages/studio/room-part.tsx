/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'

type RoomPartParts = {
  /** Its name, by which the page's script finds it. */
  readonly name: string
  readonly class?: string
  /** It has nothing to show. */
  readonly isEmpty?: boolean
  readonly children?: Child
}

/** Renders a part of the studio that the page's script replaces by a newer one. */
export function RoomPart({ name, isEmpty = false, children, ...parts }: RoomPartParts) {
  return (
    <div class={parts.class} data-room-part={name} hidden={isEmpty}>
      {isEmpty ? null : children}
    </div>
  )
}
