import * as v from 'valibot'

import type { Context } from '../../context.ts'
import { objectProblem } from '../../http/json-body.ts'
import { Cursor, fromCursor, Limit } from '../../http/paging.ts'
import type { System } from '../../system.ts'
import type { WorkerKind } from '../kind.ts'
import { presentPage, presentWorker, type WorkersStatus } from './present.ts'
import { listWorkers, type WorkerRow } from './store.ts'

/** Query of `GET /workers/status`. */
export const WorkersQuery = v.strictObject({ limit: Limit, cursor: Cursor }, objectProblem)
export type WorkersQuery = v.InferOutput<typeof WorkersQuery>

/** Ids of all kinds: a word, and a UUID. */
const ASSIGNMENT_ID = /^[a-z]+-[0-9a-f-]{36}$/

/**
 * The workers of everything that should have one, whatever its kind, and the capacity in use. From the database alone:
 * it answers also where the launcher cannot be asked.
 */
export async function listAllWorkers(
  context: Context,
  systems: readonly System[],
  { limit, cursor }: WorkersQuery,
): Promise<WorkersStatus> {
  const before = cursor === undefined ? null : fromCursor(cursor, ASSIGNMENT_ID)
  const rows = await listWorkers(context.db, before, limit + 1)
  const kinds = new Map(systems.map(({ workerKind }) => [workerKind.kind, workerKind]))
  const runs = await whatRuns(context, [...kinds.values()], rows)
  const workers = rows.map((row) =>
    presentWorker(row, row.host ?? kinds.get(row.kind)?.nameOf(row) ?? row.id, runs.get(row.id) ?? {}),
  )
  const capacity = await Promise.all(
    systems.map(async (system) => [system.name, await system.capacity(context)] as const),
  )
  return { ...presentPage(workers, limit), capacity: Object.fromEntries(capacity) }
}

async function whatRuns(context: Context, kinds: readonly WorkerKind[], rows: readonly WorkerRow[]) {
  const found = await Promise.all(
    kinds.map(({ kind, whatRuns: ask }) =>
      ask(
        context,
        rows.filter((row) => row.kind === kind).map(({ id }) => id),
      ),
    ),
  )
  return new Map(found.flatMap((runs) => [...runs]))
}
