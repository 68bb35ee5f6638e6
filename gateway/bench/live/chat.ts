import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'

import * as v from 'valibot'

import { findFreePort } from '../../adapters/http/free-port.ts'
import { seedChat } from '../../live/testing/seed-chat.ts'
import { waitForPort } from '../../testing/wait-for-port.ts'
import type { BenchResult } from '../result-table.ts'
import { startBenchSystem } from '../system.ts'

const CLIENTS = 1000
const RATES = [10, 50, 200]
const SEC = 10
const START_TIMEOUT_MS = 30_000
const LOAD_PROGRAM = fileURLToPath(new URL('chat-load.ts', import.meta.url))
const PLAIN_PROGRAM = fileURLToPath(new URL('plain-chat.ts', import.meta.url))

/** Measures the CPU of a message at one of 1,000 clients of a chat, beside a loop of plain `ws` over the same clients. */
export async function benchChat(): Promise<BenchResult[]> {
  await using system = await startBenchSystem({
    separateDatabase: true,
    env: { INGEST_WORKERS: '0', LIVE_WATCHDOG: 'false' },
  })
  await using plain = await startPlainChat()
  const { streamId, tokens } = await seedChat(
    { databaseUrl: system.databaseUrl, internalKey: system.keys.INTERNAL_API_KEY },
    Math.max(...RATES) * 2,
  )
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
