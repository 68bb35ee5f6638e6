import * as v from 'valibot'

import { newUuid } from '../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { sessionEnded, type SignedIn } from '../accounts/session.ts'
import { tooFast, type MessageWriter } from './post-messages.ts'
import { PostMessageBody } from './requests.ts'
import { judgeRate } from './rules/message-rate.ts'

/** What a socket answers to what its client sends. */
export type SpeakerAnswer =
  | { readonly type: 'ack'; readonly nonce: string; readonly seq: number; readonly id: string }
  | {
      readonly type: 'error'
      readonly nonce: string | null
      readonly code: string
      readonly message: string
      readonly retry_after?: number
    }

/** What the client of one socket sends. */
export type Speaker = {
  /** Handles a text; `null`: the client sends too much and must be cut off. It never rejects. */
  hear(text: string): Promise<SpeakerAnswer> | null
}

/** What a speaker works with. */
export type SpeakerParts = {
  readonly writer: MessageWriter
  readonly streamId: string
  readonly viewer: SignedIn | null
  /** Turns an error into the rule that it stands for, and logs failures. */
  readonly readError: (error: unknown) => BrokenRule
}

/** Texts that a client may send ahead of one in 100 ms, whatever they contain. */
const MAX_AHEAD_MS = 5000
const TEXT_COST_MS = 100

/** Creates the speaker of a socket. What comes too fast is refused before it reaches the database. */
export function createSpeaker({ writer, streamId, viewer, readError }: SpeakerParts): Speaker {
  let heardUntilMs = 0
  let paidUntilMs = 0

  async function post(text: string): Promise<SpeakerAnswer> {
    let nonce: string | null = null
    try {
      const body = parseBody(text)
      nonce = body.nonce ?? newUuid()
      if (viewer === null) throw sessionEnded()
      const rate = judgeRate(paidUntilMs, Date.now())
      if (rate.waitMs > 0) throw tooFast(rate.waitMs, 'messages come too fast')
      paidUntilMs = rate.paidUntilMs
      const draft = { userId: viewer.user.userId, text: body.text, nonce }
      const { seq, id } = await writer.post(streamId, draft)
      return { type: 'ack', nonce, seq, id }
    } catch (error) {
      const { code, message, retryAfterSec } = readError(error)
      const retry = retryAfterSec === undefined ? {} : { retry_after: retryAfterSec }
      return { type: 'error', nonce, code, message, ...retry }
    }
  }

  return {
    hear(text) {
      const nowMs = Date.now()
      heardUntilMs = Math.max(heardUntilMs, nowMs) + TEXT_COST_MS
      return heardUntilMs - nowMs > MAX_AHEAD_MS ? null : post(text)
    },
  }
}

function parseBody(text: string): PostMessageBody {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(undefined, 'is not JSON'), PostMessageBody), text)
  if (parsed.success) return parsed.output
  const named = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'the message'} ${issue.message}`)
  throw new BrokenRule(KERNEL_ERRORS.INVALID_CONFIG, named.join('; '))
}
