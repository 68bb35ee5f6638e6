import type { Context as HonoContext } from 'hono'

import { signViewer, timingSafeEqual } from '../../../shared/net/signing.ts'
import type { LiveContext } from '../context.ts'
import { newCode } from '../new-code.ts'

/** The query of what watches over a broadcast and is no viewer: its monitor, and the preview in its studio. */
export const MONITOR_QUERY = 'monitor'

/** A random name, and its signature. */
const VIEWER_ID = /^([0-9a-f]{16})([0-9a-f]{24})$/
const NAME_LENGTH = 16

/** Returns the id of a new viewer of a broadcast. It is signed, so that no client makes up viewers. */
export function newViewerId(context: LiveContext, streamId: string): string {
  const name = newCode().slice(0, NAME_LENGTH)
  return name + sign(context, streamId, name)
}

/** Returns the id by which a request says which viewer of a broadcast it is; `null` where it has none that a gateway has made. */
export function viewerIdOf(context: LiveContext, c: HonoContext, streamId: string): string | null {
  const [id, name = '', signature = ''] = VIEWER_ID.exec(c.req.query('viewer') ?? '') ?? []
  return id !== undefined && timingSafeEqual(signature, sign(context, streamId, name)) ? id : null
}

function sign({ settings }: LiveContext, streamId: string, name: string): string {
  return signViewer(settings.keys.INTERNAL_API_KEY, streamId, name)
}
