import { drizzle } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'

import type { Db } from '../ports/database.ts'
import { GROWING_TABLES } from './seed-past.ts'

/** A statement with the values of its parameters. */
export type SentStatement = { readonly text: string; readonly values: readonly unknown[] }

/** A database that records the statements that are sent through it. */
export type RecordedDatabase = { readonly db: Db; readonly statements: readonly SentStatement[] }

/** Returns a database on these connections that records its statements. */
export function recordStatements(sql: Sql): RecordedDatabase {
  const statements: SentStatement[] = []
  const logQuery = (text: string, values: unknown[]) => void statements.push({ text, values })
  return { db: drizzle(sql, { logger: { logQuery } }), statements }
}

/** How Postgres plans: for the values of the parameters, or once for all values, as it may for prepared statements. */
export type PlanMode = 'force_custom_plan' | 'force_generic_plan'

/** A node of a plan, as `explain` writes it in JSON. */
export type PlanNode = {
  readonly 'Node Type': string
  readonly 'Parent Relationship'?: string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

/** Returns the plan of a statement, which is not run. */
export function explainStatement(sql: Sql, statement: SentStatement, mode: PlanMode): Promise<PlanNode> {
  return explain(sql, statement, { mode, options: 'format json' })
}

/** Runs a query; returns how many blocks it has read, in memory or on the disk. */
export async function countBlocks(sql: Sql, statement: SentStatement): Promise<number> {
  const plan = await explain(sql, statement, { mode: 'force_custom_plan', options: 'analyze, buffers, format json' })
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
}

async function explain(
  sql: Sql,
  { text, values }: SentStatement,
  { mode, options }: { readonly mode: PlanMode; readonly options: string },
): Promise<PlanNode> {
  const given = values.length === 0 ? '' : `(${values.map(toLiteral).join(', ')})`
  const session = await sql.reserve()
  await session.unsafe(`set plan_cache_mode = ${mode}; prepare examined as ${text}`)
  const [row] = await session.unsafe<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(
    `explain (${options}) execute examined${given}`,
  )
  await session.unsafe('deallocate examined; reset plan_cache_mode')
  session.release()
  if (row === undefined) throw new Error('there is no plan')
  return row['QUERY PLAN'][0].Plan
}

function toLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `'${text.replaceAll("'", "''")}'`
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

/** Returns whether the rows of a plan's subqueries are locked once: where it evaluates one again, it may lock further rows. */
export function locksRowsOnce(plan: PlanNode, isEvaluatedOnce = false): boolean {
  const isOnce = isEvaluatedOnce || plan['Parent Relationship'] === 'InitPlan'
  if (plan['Node Type'] === 'LockRows' && !isOnce) return false
  return (plan.Plans ?? []).every((child) => locksRowsOnce(child, isOnce))
}

/**
 * Returns the scans of a statement that read all rows of a table that grows with the past, as `Seq Scan on jobs`, or all
 * entries of an index on them. A partial index has entries of a few rows only.
 */
export async function findGrowingScans(sql: Sql, statement: SentStatement, mode: PlanMode): Promise<string[]> {
  const partial = await sql<{ name: string }[]>`
    select relname as name from pg_index join pg_class on pg_class.oid = indexrelid where indpred is not null`
  const partialIndexes = new Set(partial.map(({ name }) => name))
  return nodesOf(await explainStatement(sql, statement, mode)).flatMap((node) => {
    const { 'Node Type': type, 'Relation Name': table, 'Index Name': index, 'Index Cond': condition } = node
    if (type === 'Seq Scan') return table !== undefined && GROWING_TABLES.includes(table) ? [`${type} on ${table}`] : []
    const isFull = index !== undefined && condition === undefined && !partialIndexes.has(index)
    return isFull && GROWING_TABLES.some((name) => index.startsWith(name)) ? [`${type} of ${index}`] : []
  })
}
