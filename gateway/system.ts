import type { Hono } from 'hono'

import type { Context, Tx } from './context.ts'
import type { Reading } from './metrics/figures.ts'
import type { OutboxEvent } from './outbox/store.ts'
import type { WorkerKind } from './workers/kind.ts'
import type { Work } from './work.ts'
import type { Capacity } from './workers/status/present.ts'

/** What a system (monitors; later jobs and live) offers to the gateway that it lives in. */
export type System = {
  readonly name: string
  /** Its public routes, mounted under `/api/v1`. */
  api(context: Context): Hono
  /** Its workers' callbacks, mounted under `/internal/v1`. */
  callbacks(context: Context): Hono
  readonly workerKind: WorkerKind
  /** Periodic work of its own. */
  works(context: Context): readonly Work[]
  /** Told, in the transaction that marks it, that a webhook has failed all its attempts. */
  onWebhookExhausted(tx: Tx, event: OutboxEvent): Promise<void>
  /** How many of its records are active, and how many may be. */
  capacity(context: Context): Promise<Capacity>
  /** Its figures, as its tables tell them now. */
  readings(context: Context): Promise<readonly Reading[]>
}
