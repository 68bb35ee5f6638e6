import type { Context } from '../context.ts'
import { createDueTimes } from '../database/due-times.ts'
import { deleteOldKeys } from '../http/store/idempotency-keys.ts'
import { createMailDelivery } from '../mail/send-mails.ts'
import { MAIL_QUEUE } from '../mail/store/mails.ts'
import { createDeliverer } from '../outbox/deliver.ts'
import { laneDueInMs, listLaneOwners, nextDeliveryInMs } from '../outbox/store/events.ts'
import type { MessageDelivery } from '../queue/deliver-messages.ts'
import { deleteExpiredMessages } from '../queue/store/messages.ts'
import { RARELY_MS, taskAtInterval, type PeriodicTask } from '../scheduler/periodic-task.ts'
import { createScheduler, type Scheduler, type SchedulerMemory } from '../scheduler/scheduler.ts'
import type { MountedSystem } from '../system.ts'
import { createWorkerLaunches } from '../workers/launch-due-workers.ts'
import type { ReconcileReport } from '../workers/reconcile-workers.ts'
import { createReconciler, createReconcilerMemory, type ReconcilerMemory } from '../workers/reconciler.ts'
import { LEASE_DUE_IN_MS, renewLeases } from '../workers/store/assignments.ts'
import { launchDueInMs, nextLaunchInMs } from '../workers/store/due-launches.ts'

/** The periodic work of a gateway: the kernel's tasks and those of all its systems. */
export type Operations = {
  readonly scheduler: Scheduler
  /** Compares workers with records now. */
  reconcile(): Promise<ReconcileReport>
  /** Frees what dead gateways held and renews the leases of all workers; to be called once, at start. */
  takeOver(): Promise<void>
  /** Resolves once the current webhooks and messages are sent; starts no others. */
  drain(): Promise<void>
  /** Returns in how many ms a webhook, a message or a launch becomes due; `null` where none does within `leftMs`. */
  nextDueInMs(leftMs: number): Promise<number | null>
}

/** What the operations remember between runs: plain data, kept where a gateway is created for each request. */
export type OperationsMemory = { readonly tasks: SchedulerMemory; readonly reconciler: ReconcilerMemory }

/** Returns the memory of operations that have not run. */
export function createOperationsMemory(): OperationsMemory {
  return { tasks: new Map(), reconciler: createReconcilerMemory() }
}

/** Creates the operations of one gateway. */
export function createOperations(
  context: Context,
  systems: readonly MountedSystem[],
  memory: OperationsMemory = createOperationsMemory(),
): Operations {
  const kinds = systems.flatMap((system) => system.workerKinds)
  const kindNames = kinds.map(({ kind }) => kind)
  const deliverer = createDeliverer(context, async (tx, event) => {
    for (const system of systems) await system.onWebhookExhausted(tx, event)
  })
  const deliveries = openDeliveries(context, systems)
  const dueTimes = createDueTimes(context.db)
  const reconciler = createReconciler(context, kinds, {
    memory: memory.reconciler,
    leaseDue: dueTimes.add(LEASE_DUE_IN_MS),
  })
  const tasks: PeriodicTask[] = [
    {
      name: 'deliver webhooks',
      everyMs: 0,
      dueInMs: laneDueInMs(context.identity.id),
      run: () => deliverer.deliverDue(),
    },
    { name: 'settle workers', everyMs: 0, run: (reasons) => reconciler.reconcileIfDue(reasons) },
    {
      name: 'launch workers',
      everyMs: 0,
      dueInMs: launchDueInMs(kindNames),
      run: createWorkerLaunches(context, kinds),
    },
    ...deliveries.map(({ task }) => task),
    ...systems.flatMap((system) => system.periodicTasks),
    taskAtInterval('delete expired mails', RARELY_MS, () => forgetExpiredMails(context)),
    taskAtInterval('forget old keys', RARELY_MS, () => deleteOldKeys(context.db)),
  ]
  return {
    scheduler: createScheduler({ log: context.log, dueTimes, memory: memory.tasks }, tasks),
    reconcile: () => reconciler.reconcile(),
    async takeOver() {
      await deliverer.takeOver()
      for (const delivery of deliveries) await delivery.takeOver()
      await renewLeases(context.db)
    },
    async drain() {
      await Promise.all([deliverer, ...deliveries].map((one) => one.drain()))
    },
    nextDueInMs: (leftMs) => nextDueWithin(context, { deliveries, kindNames }, leftMs),
  }
}

/** Returns the deliveries of the systems' messages, and of their mails where this gateway sends them. */
function openDeliveries(context: Context, systems: readonly MountedSystem[]): MessageDelivery[] {
  const { sendMail } = context
  const composers = new Map(systems.flatMap(({ mails }) => [...(mails ?? [])]))
  const ofSystems = systems.flatMap(({ deliveries }) => deliveries ?? [])
  return sendMail === null ? ofSystems : [createMailDelivery(context, sendMail, composers), ...ofSystems]
}

async function forgetExpiredMails({ db, log }: Context): Promise<void> {
  const mails = await deleteExpiredMessages(db, MAIL_QUEUE)
  if (mails > 0) log.warn('mails expired before they could be sent', { mails })
}

/** What becomes due beside the webhooks. */
type DueWork = { readonly deliveries: readonly MessageDelivery[]; readonly kindNames: readonly string[] }

/** Returns the next due time. A lane that this gateway delivers wakes the next run when it is done. */
async function nextDueWithin(
  { db, identity }: Context,
  { deliveries, kindNames }: DueWork,
  leftMs: number,
): Promise<number | null> {
  const holders = await listLaneOwners(db)
  if (holders.includes(identity.id)) return leftMs
  const ofMessages = await Promise.all(deliveries.map((delivery) => delivery.nextDueInMs(leftMs)))
  const all = [await nextDeliveryInMs(db), await nextLaunchInMs(db, kindNames), ...ofMessages]
  const dueMs = Math.min(...all.map((one) => one ?? Infinity))
  return dueMs <= leftMs ? Math.max(0, dueMs) : null
}
