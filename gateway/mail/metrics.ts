import type { CounterDefinition } from '../ports/metrics.ts'

/** Metrics of mails. */
export const MAIL_ATTEMPTS = {
  kind: 'counter',
  name: 'tallylight_mail_attempts_total',
  help: 'Attempts to send a mail: sent, refused (its receiver takes none), failed (it is tried again).',
  labels: { outcome: ['sent', 'refused', 'failed'] },
} as const satisfies CounterDefinition

export const MAIL_METRICS = [MAIL_ATTEMPTS]
