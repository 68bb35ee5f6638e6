import type { Hono } from 'hono'

import type { Context, Tx } from './context.ts'
import type { OutboxEvent } from './outbox/store.ts'
import type { WorkerKind } from './workers/kind.ts'

/** What a system (monitors; later jobs and live) offers to the gateway that it lives in. */
export type System = {
  readonly name: string
  /** Its public routes, mounted under `/api/v1`. */
  api(context: Context): Hono
  /** Its workers' callbacks, mounted under `/internal/v1`. */
  callbacks(context: Context): Hono
  readonly workerKind: WorkerKind
  /** Periodic work of its own, safe to run at any time and twice at once. */
  tick(context: Context): Promise<void>
  /** Told, in the transaction that marks it, that a webhook has failed all its attempts. */
  onWebhookExhausted(tx: Tx, event: OutboxEvent): Promise<void>
}
