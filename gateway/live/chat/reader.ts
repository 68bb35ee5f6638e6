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
  /** Sends a frame without waiting. */
  send(frame: ChatFrame): void
  /** Returns whether so much waits for its client that it is dropped. */
  isSlow(): boolean
  end(reason: ReaderEnd): void
}
