import * as v from 'valibot'

/** Data of the event `state` of a broadcast, as far as its pages read it. */
export const StateEvent = v.object({
  state: v.picklist(['scheduled', 'ready', 'live', 'reconnecting', 'ended']),
  title: v.string(),
  scheduled_for: v.optional(v.nullable(v.string()), null),
  started_at: v.nullable(v.string()),
  ended_at: v.optional(v.nullable(v.string()), null),
  is_playable: v.boolean(),
})
export type StateEvent = v.InferOutput<typeof StateEvent>

/** Data of the event `about`. */
export const AboutEvent = v.object({
  description: v.string(),
  category: v.string(),
  tags: v.array(v.string()),
  visibility: v.string(),
})
export type AboutEvent = v.InferOutput<typeof AboutEvent>

/** Data of the event `viewers`. */
export const ViewersEvent = v.object({ viewer_count: v.number(), peak_viewers: v.number() })
export type ViewersEvent = v.InferOutput<typeof ViewersEvent>

/** Data of the event `followers`: how many follow the channel. */
export const FollowersEvent = v.object({ follower_count: v.number() })

/** Data of the event `unread`, which a signed-in viewer gets. */
export const UnreadEvent = v.object({ unread_count: v.number() })

/** Data of the event `ping`: the time of the gateway. */
export const PingEvent = v.object({ now: v.string() })
