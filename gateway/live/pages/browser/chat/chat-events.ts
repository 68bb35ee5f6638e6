import * as v from 'valibot'

import { readJson } from '../elements.ts'

const User = v.object({ user_id: v.string(), username: v.string() })

/** A message, as far as pages read it. */
export const MessageEvent = v.object({
  type: v.literal('message'),
  seq: v.number(),
  id: v.string(),
  user: v.object({ ...User.entries, role: v.picklist(['owner', 'moderator', 'viewer']) }),
  text: v.string(),
  /** Of a tip; its `text` is in English. */
  tip: v.optional(v.object({ amount: v.number(), currency: v.string(), message: v.string() })),
})
export type MessageEvent = v.InferOutput<typeof MessageEvent>

const Pinned = v.nullable(v.object({ id: v.string(), user: User, text: v.string() }))
export type Pinned = v.InferOutput<typeof Pinned>

/** What a page reads of a chat. Others, of a newer gateway, are left out. */
const ChatEvent = v.union([
  MessageEvent,
  v.object({ type: v.literal('deleted'), seq: v.number() }),
  v.object({ type: v.literal('delete'), seq: v.number(), message_id: v.string() }),
  v.object({ type: v.literal('clear'), seq: v.number(), user_id: v.string() }),
  v.object({
    type: v.literal('room'),
    seq: v.number(),
    slow_mode_sec: v.number(),
    followers_only: v.optional(v.boolean(), false),
    pinned: Pinned,
  }),
  v.object({ type: v.literal('ack'), nonce: v.string() }),
  v.object({
    type: v.literal('error'),
    nonce: v.nullable(v.string()),
    code: v.string(),
    retry_after: v.optional(v.union([v.number(), v.undefined()])),
  }),
  v.object({ type: v.literal('end') }),
])
export type ChatEvent = v.InferOutput<typeof ChatEvent>

/** Returns the events of a frame. */
export function readFrame(data: unknown): readonly ChatEvent[] {
  const frame = readJson(data)
  const all: readonly unknown[] = Array.isArray(frame) ? frame : [frame]
  return all.flatMap((one) => {
    const event = v.safeParse(ChatEvent, one)
    return event.success ? [event.output] : []
  })
}

/** Answer to `GET /streams/{id}/messages`. */
export const MessageList = v.object({ messages: v.array(MessageEvent), last_seq: v.number() })

/** Answer to `GET /archives/{id}/messages`. */
export const Replay = v.object({
  messages: v.array(v.object({ ...MessageEvent.entries, offset: v.number() })),
  next_cursor: v.nullable(v.string()),
})
export type Replay = v.InferOutput<typeof Replay>

/** Answer to `GET /blocks`. */
export const BlockList = v.object({ users: v.array(User) })

/** An error of the API. */
export const ErrorAnswer = v.object({ error: v.object({ code: v.string() }) })
