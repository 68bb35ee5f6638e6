import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'

import postgres from 'postgres'
import * as v from 'valibot'

import { newUuid } from '../../../shared/ids.ts'
import { deriveSessionKey } from '../../../shared/net/signing.ts'
import { findFreePort } from '../../adapters/http/free-port.ts'
import { signSessionToken } from '../../live/accounts/session-token.ts'
import { waitForPort } from '../../testing/wait-for-port.ts'
import type { BenchResult } from '../result-table.ts'
import { startBenchSystem, type BenchSystem } from '../system.ts'

const CLIENTS = 1000
const RATES = [10, 50, 200]
const SEC = 10
const START_TIMEOUT_MS = 30_000
const DAY_MS = 86_400_000
const LOAD_PROGRAM = fileURLToPath(new URL('chat-load.ts', import.meta.url))
const PLAIN_PROGRAM = fileURLToPath(new URL('plain-chat.ts', import.meta.url))

/** Measures the CPU of a message at one of 1,000 clients of a chat, beside a loop of plain `ws` over the same clients. */
export async function benchChat(): Promise<BenchResult[]> {
  await using system = await startBenchSystem({
    separateDatabase: true,
    env: { INGEST_WORKERS: '0', LIVE_WATCHDOG: 'false' },
  })
  await using plain = await startPlainChat()
  const { streamId, tokens } = await createChat(system, Math.max(...RATES) * 2)
  const url = `${system.origin.replace('http', 'ws')}/api/v1/streams/${streamId}/chat`
  const results: BenchResult[] = []
  for (const messagesPerSec of RATES) {
    const order = { clients: CLIENTS, sec: SEC, messagesPerSec, tokens: tokens.slice(0, messagesPerSec * 2) }
    const ours = await runLoad({ ...order, url, pid: system.pid })
    const theirs = await runLoad({ ...order, url: plain.url, pid: plain.pid })
    results.push({
      name: `CPU of a chat message at one of ${CLIENTS} clients, ${messagesPerSec} messages a second`,
      ours: formatCost(ours),
      compared: `a loop of plain \`ws\`: ${formatCost(theirs)}`,
      ratio: costOf(ours) / costOf(theirs),
      goal: messagesPerSec === 50 ? '≤ 0.5, and ≤ 5 µs' : 'listed',
    })
  }
  return results
}

type Load = { readonly cpuSec: number; readonly deliveries: number }

const costOf = ({ cpuSec, deliveries }: Load) => cpuSec / deliveries
const formatCost = (load: Load) => `${(costOf(load) * 1e6).toFixed(2)} µs`

async function runLoad(order: object): Promise<Load> {
  const program = ['--import', 'tsx', LOAD_PROGRAM, JSON.stringify(order)]
  const { stdout } = await promisify(execFile)(process.execPath, program)
  const Result = v.object({ cpuSec: v.number(), deliveries: v.pipe(v.number(), v.minValue(1)) })
  return v.parse(v.pipe(v.string(), v.parseJson(), Result), stdout)
}

/** Creates a broadcast with a chat, and sessions of `count` users as rows: each password would take its time. */
async function createChat({ databaseUrl, keys }: BenchSystem, count: number) {
  const sql = postgres(databaseUrl, { max: 1 })
  const streamId = newUuid()
  const people = Array.from({ length: count }, (_one, i) => ({
    user_id: newUuid(),
    username: `writer-${i}`,
    email: `writer-${i}@example.org`,
    password_hash: '-',
  }))
  const expiresAt = new Date(Date.now() + DAY_MS)
  const sessions = people.map(({ user_id: userId }) => ({
    session_id: newUuid(),
    user_id: userId,
    address: '-',
    user_agent: '-',
    expires_at: expiresAt,
  }))
  await sql`insert into users ${sql(people)}`
  await sql`insert into sessions ${sql(sessions)}`
  await sql`
    insert into streams (stream_id, user_id, title, description, category, tags, visibility, latency, is_recorded,
      dvr_sec, state, key_hash, folder)
    values (${streamId}, ${people[0]?.user_id ?? ''}, 'A chat', '', '', '{}', 'public', 'low', false, 0, 'ready', '-', '-')`
  await sql.end()
  const key = deriveSessionKey(keys.INTERNAL_API_KEY)
  const tokens = await Promise.all(
    sessions.map(({ session_id: sessionId, user_id: userId }) =>
      signSessionToken(key, { userId, sessionId }, { createdAt: new Date(), expiresAt }),
    ),
  )
  return { streamId, tokens }
}

/** Starts `plain-chat.ts`. */
async function startPlainChat() {
  const port = await findFreePort(null)
  const child = spawn(process.execPath, ['--import', 'tsx', PLAIN_PROGRAM, String(port)], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  await waitForPort(port, AbortSignal.timeout(START_TIMEOUT_MS))
  return {
    url: `ws://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
