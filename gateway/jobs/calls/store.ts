import { eq, sql } from 'drizzle-orm'

import type { CallNumber } from '../../../shared/contract/assignment.ts'
import type { Db, Tx } from '../../context.ts'
import { statement, statements } from '../../statement.ts'
import { hostedInsert } from '../../workers/hosted/store.ts'
import { callUpdate, claimUpdate, type Assignment } from '../../workers/store.ts'
import { JOB_ATTEMPTS, JOB_KIND, workerPrefixOf } from '../pod.ts'
import { jobs, jobTasks } from '../schema.ts'
import { startUpdate, type Job } from '../store.ts'
import { takeUpdate, takingUpTo, WORK, type Task, type Work } from '../tasks/store.ts'

/** A task that is claimed by a worker that had not claimed it before. */
export type ClaimedWork = Work & { readonly assignment: Assignment }

/** Claims a task and reads what it is about; `null`: it cannot be claimed, not by that worker, or was by the same. */
export async function claimWork(
  db: Db,
  id: string,
  { claimant, worker }: { readonly claimant: string; readonly worker: string },
): Promise<ClaimedWork | null> {
  const [row] = await claimed(db, { id, claimant, worker, prefix: workerPrefixOf(id) })
  return row ?? null
}

const claimed = statement('claim_work', (db) => {
  const carrier = sql`coalesce(host, ${sql.placeholder('prefix')} || launch)`
  const claim = db.$with('claim').as(claimUpdate(db, sql`${carrier} = ${sql.placeholder('worker')}`))
  return db
    .with(claim)
    .select({ assignment: claim._.selectedFields, ...WORK })
    .from(claim)
    .innerJoin(jobTasks, eq(jobTasks.id, claim.id))
    .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
})

/** A call of a task's worker that counted. */
export type CountedCall = { readonly assignment: Assignment; readonly task: Task; readonly job: Job }

/** Counts a call and locks the job, which nobody else changes until the transaction ends; `null`: see `refusalOf`. */
export async function countCall(tx: Tx, call: { readonly id: string } & CallNumber): Promise<CountedCall | null> {
  const [row] = await counted(tx, { ...call, resume: null })
  return row ?? null
}

const counted = statement('count_job_call', (db) => {
  const call = db.$with('call').as(callUpdate(db, JOB_ATTEMPTS))
  return db
    .with(call)
    .select({ assignment: call._.selectedFields, task: jobTasks, job: jobs })
    .from(call)
    .innerJoin(jobTasks, eq(jobTasks.id, call.id))
    .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
    .for('update', { of: jobs })
})

/** What a worker was given: tasks, and the jobs that begin with them. */
export type Hosted = { readonly works: readonly Work[]; readonly started: readonly Job[] }

/** Takes waiting tasks for a worker that runs: they are its own, and their jobs have begun, in one round trip. */
export async function hostWaiting(
  tx: Tx,
  limit: number,
  carrier: { readonly host: string; readonly owner: string; readonly claimant: string | null },
): Promise<Hosted> {
  const rows = await hosted(limit)(tx, carrier)
  return { works: rows, started: rows.flatMap(({ started }) => started ?? []) }
}

const hosted = statements((limit: number) =>
  statement('host_waiting', (db) => {
    const taken = db.$with('taken').as(takeUpdate(db, takingUpTo(limit)))
    const ids = sql`select id from ${taken}`
    const given = (name: string) => sql`${sql.placeholder(name)}::text as ${sql.identifier(name)}`
    const carried = sql`select id, ${given('host')}, ${given('owner')}, ${given('claimant')} from ${taken}`
    const assigned = db.$with('assigned', {}).as(hostedInsert(JOB_KIND, carried))
    const started = db.$with('started').as(startUpdate(db, ids, 'a worker takes it').returning())
    return db
      .with(taken, assigned, started)
      .select({ ...WORK, started: started._.selectedFields })
      .from(taken)
      .innerJoin(jobTasks, eq(jobTasks.id, taken.id))
      .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
      .leftJoin(started, eq(started.id, jobs.id))
  }),
)
