import * as v from 'valibot'

import type { Context } from '../../context.ts'
import { objectProblem } from '../../http/json-body.ts'
import { Cursor, fromCursor, Limit } from '../../http/paging.ts'
import type { MountedSystem } from '../../system.ts'
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
  const kinds = new Map(systems.map(({ workerKind }) => [workerKind.kind, workerKind]))
  const subjects = await findSubjects([...kinds.values()], rows)
  const workers = rows.map((row) =>
    presentWorker(row, row.host ?? kinds.get(row.kind)?.nameOf(row) ?? row.id, subjects.get(row.id) ?? {}),
  )
  const capacity = await Promise.all(systems.map(async (system) => [system.name, await system.capacity()] as const))
  return { ...presentPage(workers, limit), capacity: Object.fromEntries(capacity) }
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
