import type { Hono } from 'hono'

import { RARELY_MS, taskAtInterval, type PeriodicTask } from '../../scheduler/periodic-task.ts'
import type { LiveContext } from '../context.ts'
import { createPayments, type Payments } from './payments.ts'
import { reconcileTips } from './reconcile-tips.ts'
import { stripeRoutes, tipRoutes } from './routes.ts'

/** Tips at work in one gateway. */
export type MountedTips = {
  /** Their API, mounted at `/api/v1`. */
  readonly api: Hono
  /** What Stripe calls, mounted at `/`. */
  readonly events: Hono
  readonly tasks: readonly PeriodicTask[]
  /** Payments, for the pages on which one tips; `null` where there are none. */
  readonly payments: Payments | null
}

/** Mounts tips, which refuse calls where Stripe is not set up. */
export function mountTips(context: LiveContext): MountedTips {
  const { stripe } = context.settings.live.tips
  const payments = stripe === null ? null : createPayments(stripe, context.log)
  const compare =
    payments === null
      ? []
      : [taskAtInterval('compare tips with Stripe', RARELY_MS, () => reconcileTips({ context, payments }))]
  return { api: tipRoutes(context, payments), events: stripeRoutes(context, payments), tasks: compare, payments }
}
