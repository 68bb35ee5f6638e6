import type { CounterDefinition } from '../../../ports/metrics.ts'

/** What became of an attempt to send a push. */
export type PushOutcome = 'sent' | 'gone' | 'refused' | 'failed'

/** Metrics of pushes. */
export const PUSH_ATTEMPTS = {
  kind: 'counter',
  name: 'tallylight_push_attempts_total',
  help: 'Attempts to send a push: sent, gone (the browser takes none any more), refused (given up), failed (it is tried again).',
  labels: { outcome: ['sent', 'gone', 'refused', 'failed'] },
} as const satisfies CounterDefinition

export const PUSH_METRICS = [PUSH_ATTEMPTS]
