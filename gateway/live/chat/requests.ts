import * as v from 'valibot'

import { objectProblem } from '../../http/json-body.ts'
import { Cursor, Limit } from '../../http/paging.ts'
import { isVisible } from './rules/blocked-words.ts'

const MAX_CHARACTERS = 500
/** Counts characters of Unicode: those beyond the first 65,536 have two places in a string. */
function countCharacters(text: string): number {
  return text.replaceAll(/\P{Surrogate}/gsu, ' ').length
}

const LENGTH = `must have 1 to ${MAX_CHARACTERS} characters`

/** The text of a message. It is shown as text, whatever it contains. */
export const ChatText = v.pipe(
  v.string('must be a string'),
  v.trim(),
  v.check(isVisible, LENGTH),
  v.check((text) => text.length <= 2 * MAX_CHARACTERS && countCharacters(text) <= MAX_CHARACTERS, LENGTH),
  v.regex(/^\P{Cc}*$/u, 'must not have control characters or line breaks'),
  v.check((text) => !/\p{Surrogate}/u.test(text), 'must be valid Unicode'),
)

const Nonce = v.pipe(
  v.string('must be a string'),
  v.regex(/^[\w.:-]{1,64}$/, 'must have 1 to 64 letters, digits, or _ . : -'),
)

/** Body of `POST /streams/{id}/messages`, and what a client sends by its socket. */
export const PostMessageBody = v.strictObject(
  {
    type: v.optional(v.literal('message', 'must be message')),
    text: ChatText,
    /** The client's own name of the message: sent again, it is written once. */
    nonce: v.optional(Nonce),
  },
  objectProblem,
)
export type PostMessageBody = v.InferOutput<typeof PostMessageBody>

/** Query of `GET /streams/{id}/messages`. */
export const MessageListQuery = v.strictObject({ cursor: Cursor, limit: Limit }, objectProblem)
export type MessageListQuery = v.InferOutput<typeof MessageListQuery>

const seconds = 'must be a number of seconds, 0 or more'

/** Query of `GET /archives/{id}/messages`: messages from `from` on, in seconds of the recording. */
export const ReplayQuery = v.strictObject(
  {
    from: v.optional(
      v.pipe(v.string('must be given once'), v.regex(/^\d{1,7}(?:\.\d{1,3})?$/, seconds), v.transform(Number)),
      '0',
    ),
    cursor: Cursor,
    limit: Limit,
  },
  objectProblem,
)
export type ReplayQuery = v.InferOutput<typeof ReplayQuery>
