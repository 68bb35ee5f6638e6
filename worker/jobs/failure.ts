import type { JobFailure } from '../../shared/contract/jobs.ts'

/**
 * How a step of a task ended without a result: it failed, or everything was told to stop. What a step gives otherwise
 * is its own.
 */
export type Unfinished = { readonly kind: 'failed'; readonly failure: JobFailure } | { readonly kind: 'aborted' }

const MAX_MESSAGE_CHARS = 1000

/** A failure to which the input or the order is to blame: another attempt would fail alike. */
export function fault(code: string, message: string): Unfinished {
  return { kind: 'failed', failure: { code, message: readable(message), is_transient: false } }
}

/** A failure that another attempt may not meet. */
export function mishap(code: string, message: string): Unfinished {
  return { kind: 'failed', failure: { code, message: readable(message), is_transient: true } }
}

/** Programs may say anything: Postgres takes no NUL. */
function readable(message: string): string {
  return message.replaceAll('\0', '').slice(0, MAX_MESSAGE_CHARS)
}
