import * as v from 'valibot'

import type { Context } from '../../context.ts'
import { objectProblem } from '../../http/json-body.ts'
import { Cursor, fromCursor, Limit } from '../../http/paging.ts'
import type { Capacity, MountedSystem } from '../../system.ts'
import { listWorkers, type WorkerRow } from '../../workers/store/worker-status.ts'
import type { WorkerKind, WorkerSubject } from '../../workers/worker-kind.ts'
import { presentPage, presentWorker, type WorkersStatus } from './present.ts'

/** Query of `GET /workers/status`. */
export const WorkersQuery = v.strictObject({ limit: Limit, cursor: Cursor }, objectProblem)
export type WorkersQuery = v.InferOutput<typeof WorkersQuery>

/** Ids of every kind: a word and a UUID. */
const ASSIGNMENT_ID = /^[a-z]+-[0-9a-f-]{36}$/

/** Returns a page of workers of every kind, and the capacity in use. Reads the database only, so no launcher is needed. */
export async function listAllWorkers(
  context: Context,
  systems: readonly MountedSystem[],
  { limit, cursor }: WorkersQuery,
): Promise<WorkersStatus> {
  const before = cursor === undefined ? null : fromCursor(cursor, ASSIGNMENT_ID)
  const rows = await listWorkers(context.db, before, limit + 1)
  const kinds = new Map(systems.flatMap(({ workerKinds }) => workerKinds.map((kind) => [kind.kind, kind])))
  const subjects = await findSubjects([...kinds.values()], rows)
  const workers = rows.map((row) =>
    presentWorker(row, row.host ?? kinds.get(row.kind)?.nameOf(row) ?? row.id, subjects.get(row.id) ?? {}),
  )
  return { ...presentPage(workers, limit), capacity: await readCapacities(systems) }
}

async function readCapacities(systems: readonly MountedSystem[]): Promise<Record<string, Capacity>> {
  const capacities = await Promise.all(
    systems.map(async ({ name, capacity }) => (capacity === undefined ? [] : [[name, await capacity()] as const])),
  )
  return Object.fromEntries(capacities.flat())
}

async function findSubjects(
  kinds: readonly WorkerKind[],
  rows: readonly WorkerRow[],
): Promise<ReadonlyMap<string, WorkerSubject>> {
  const found = await Promise.all(
    kinds.map((kind) => kind.subjectsOf(rows.filter((row) => row.kind === kind.kind).map(({ id }) => id))),
  )
  return new Map(found.flatMap((subjects) => [...subjects]))
}
