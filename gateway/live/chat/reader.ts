import type { SignedIn } from '../accounts/session.ts'
import type { ChatFrame } from './frame.ts'

/**
 * Why a reader's connection ends. `ended`: the broadcast has. `signed_out`: its session has. `gone`: it may not be
 * watched any more. `slow`: too much waits for the reader. `failed`: the gateway cannot go on; the reader may resume.
 */
export type ReaderEnd = 'ended' | 'signed_out' | 'gone' | 'slow' | 'failed'

/** A connection that reads a chat. */
export type ChatReader = {
  readonly viewer: SignedIn | null
  /** Receives the number after which the chat begins for it, once and before the first frame. */
  begin(seq: number): void
  /** Sends a frame without waiting. */
  send(frame: ChatFrame): void
  /** Returns whether so much waits for its client that it is dropped. */
  isSlow(): boolean
  end(reason: ReaderEnd): void
}
