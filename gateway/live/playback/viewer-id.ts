import type { Context as HonoContext } from 'hono'

/** The query of what watches over a broadcast and is no viewer: its monitor, and the preview in its studio. */
export const MONITOR_QUERY = 'monitor'

/** Returns the name by which a request says that it is the same viewer as another one; `null` where it has none. */
export function viewerIdOf(c: HonoContext): string | null {
  const viewer = c.req.query('viewer') ?? ''
  return /^[\w-]{8,64}$/.test(viewer) ? viewer : null
}
