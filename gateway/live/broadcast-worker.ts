/** The kind under which the live workers of broadcasts and their assignments go. */
export const BROADCAST_KIND = 'live'

const PREFIX = 'live-'

/** Returns the id of a broadcast's assignment, which is the name of its worker too. */
export function broadcastIdOf(streamId: string): string {
  return `${PREFIX}${streamId}`
}

/** Returns the broadcast of an assignment. */
export function streamIdOf(broadcastId: string): string {
  return broadcastId.slice(PREFIX.length)
}
