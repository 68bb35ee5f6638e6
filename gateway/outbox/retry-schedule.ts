/** Delivery policies: how often a webhook is tried, and what its last failure means (`config.webhook_policy`). */
export const POLICIES = ['strict', 'durable', 'patient'] as const
export type DeliveryPolicy = (typeof POLICIES)[number]

const QUICK_SEC = [1, 2, 4]
/** The schedule of the Standard Webhooks specification, from its second pause on: 75 hours. */
const LASTING_SEC = [300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]

/** Pauses before the second, third … attempt, in seconds. One attempt more than there are pauses. */
const PAUSES_SEC: Readonly<Record<DeliveryPolicy, readonly number[]>> = {
  strict: QUICK_SEC,
  durable: [5, ...LASTING_SEC],
  /** Starts as `strict`, and continues as `durable`. */
  patient: [...QUICK_SEC, ...LASTING_SEC],
}

/** Pauses are stretched by up to a tenth, so that a receiver that returns does not get all retries at once. */
const JITTER = 0.1

/** The facts that decide on the next attempt; `random` is a number from 0 to 1. */
export type FailedAttemptFacts = { readonly retryAfter: string | null; readonly nowMs: number; readonly random: number }

export type NextAttempt = { readonly kind: 'retry'; readonly inMs: number } | { readonly kind: 'give_up' }

/**
 * Returns what follows the failure of attempt number `attempts` (the first is 1). `Retry-After` (seconds or an HTTP date, RFC
 * 9110 §10.2.3) is honoured by all policies but `strict`, up to twice the pause that is due.
 */
export function afterFailure(policy: DeliveryPolicy, attempts: number, answer: FailedAttemptFacts): NextAttempt {
  const pauseSec = PAUSES_SEC[policy][attempts - 1]
  if (pauseSec === undefined) return { kind: 'give_up' }
  const pauseMs = pauseSec * 1000
  if (policy === 'strict') return { kind: 'retry', inMs: pauseMs }
  const jittered = pauseMs * (1 + JITTER * answer.random)
  const asked = retryAfterMs(answer.retryAfter, answer.nowMs)
  return { kind: 'retry', inMs: Math.round(Math.max(jittered, Math.min(asked, 2 * pauseMs))) }
}

function retryAfterMs(header: string | null, nowMs: number): number {
  if (header === null) return 0
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? 0 : Math.max(0, date - nowMs)
}
