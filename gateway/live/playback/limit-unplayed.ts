import type { Context as HonoContext } from 'hono'

import { networkOf } from '../../http/client-address.ts'
import { countCall, createCallCounters } from '../../http/rate-limit.ts'
import type { LiveContext } from '../context.ts'
import type { PlayedStreams } from './windows.ts'

/** Counts a request for a broadcast that nothing plays yet. @throws BrokenRule RATE_LIMIT_EXCEEDED */
export type LimitUnplayed = (c: HonoContext, streamId: string) => void

/**
 * Returns the limit of requests for broadcasts that are not played through this gateway, per address and minute: each one costs
 * a query, and its id may be a guess. Players of those that are played are not limited.
 */
export function createUnplayedLimit(context: LiveContext, played: PlayedStreams): LimitUnplayed {
  const { frequentReads } = createCallCounters(context.settings)
  return (c, streamId) => {
    if (!played.isPlayed(streamId)) countCall(c, frequentReads, networkOf(context.clientAddress(c)))
  }
}
