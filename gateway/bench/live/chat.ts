import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { execa } from 'execa'
import * as v from 'valibot'

import { findFreePort } from '../../adapters/http/free-port.ts'
import { seedChats } from '../../live/testing/seed-chat.ts'
import { waitForPort } from '../../testing/wait-for-port.ts'
import type { BenchResult } from '../result-table.ts'
import { startBenchSystem } from '../system.ts'

const CLIENTS = 1000
const RATES = [10, 50, 200]
/** A tenth of 5,000 chats of 10, each with a message every two seconds. */
const [ROOMS, ROOM_CLIENTS, ROOM_PAUSE_SEC] = [500, 10, 2]
const SEC = 10
const START_TIMEOUT_MS = 30_000
const LOAD_PROGRAM = fileURLToPath(new URL('chat-load.ts', import.meta.url))
const PLAIN_PROGRAM = fileURLToPath(new URL('plain-chat.ts', import.meta.url))

/** Measures the CPU of messages in one large chat and in many small ones, beside a loop of plain `ws` over the same clients. */
export async function benchChat(): Promise<BenchResult[]> {
  await using system = await startBenchSystem({
    separateDatabase: true,
    env: { INGEST_WORKERS: '0', LIVE_WATCHDOG: 'false' },
  })
  await using plain = await startPlainChat()
  const { streamIds, tokens } = await seedChats(
    { databaseUrl: system.databaseUrl, internalKey: system.keys.INTERNAL_API_KEY },
    { chats: 1 + ROOMS, writers: Math.max(...RATES, ROOMS) * 2 },
  )
  const origin = system.origin.replace('http', 'ws')
  const [large = '', ...small] = streamIds.map((id) => `/api/v1/streams/${id}/chat`)
  const compare = async ({ paths, ...order }: ChatLoad): Promise<{ readonly ours: Load; readonly theirs: Load }> => ({
    ours: await runLoad({ ...order, urls: paths.map((path) => origin + path), pid: system.pid }),
    theirs: await runLoad({ ...order, urls: paths.map((path) => plain.url + path), pid: plain.pid }),
  })
  const results: BenchResult[] = []
  for (const messagesPerSec of RATES) {
    const writers = tokens.slice(0, messagesPerSec * 2)
    const { ours, theirs } = await compare({ paths: [large], clients: CLIENTS, messagesPerSec, tokens: writers })
    results.push({
      name: `CPU of a chat message at one of ${CLIENTS} clients, ${messagesPerSec} messages a second`,
      ours: formatCost(ours),
      compared: `a loop of plain \`ws\`: ${formatCost(theirs)}`,
      ratio: costOf(ours) / costOf(theirs),
      goal: messagesPerSec === 50 ? '≤ 0.5, and ≤ 5 µs' : 'listed',
    })
  }
  const rooms = { paths: small, clients: ROOM_CLIENTS, messagesPerSec: ROOMS / ROOM_PAUSE_SEC }
  return [...results, ...describeRooms(await compare({ ...rooms, tokens: tokens.slice(0, ROOMS * 2) }))]
}

/** Readers and writers of chats. */
type ChatLoad = {
  readonly paths: readonly string[]
  readonly clients: number
  readonly messagesPerSec: number
  readonly tokens: readonly string[]
}

function describeRooms({ ours, theirs }: { readonly ours: Load; readonly theirs: Load }): BenchResult[] {
  const sockets = ROOMS * (ROOM_CLIENTS + 2)
  const perMessage = ({ cpuSec, messages }: Load) => (cpuSec / messages) * 1e6
  const perSocket = ({ bytes }: Load) => bytes / sockets / 1024
  return [
    {
      name: `CPU of a message in one of ${ROOMS} chats of ${ROOM_CLIENTS}, ${ROOMS / ROOM_PAUSE_SEC} messages a second`,
      ours: `${perMessage(ours).toFixed(0)} µs`,
      compared: `a loop of plain \`ws\`: ${perMessage(theirs).toFixed(0)} µs`,
      ratio: perMessage(ours) / perMessage(theirs),
      goal: 'listed',
    },
    {
      name: `memory of a gateway for each of these ${sockets} sockets`,
      ours: `${perSocket(ours).toFixed(0)} KiB`,
      compared: `plain \`ws\`: ${perSocket(theirs).toFixed(0)} KiB`,
      ratio: perSocket(ours) / perSocket(theirs),
      goal: 'listed',
    },
  ]
}

type Load = v.InferOutput<typeof LoadResult>
const LoadResult = v.object({
  cpuSec: v.number(),
  deliveries: v.pipe(v.number(), v.minValue(1)),
  messages: v.number(),
  /** By how much the memory of the server grew. */
  bytes: v.number(),
})

const costOf = ({ cpuSec, deliveries }: Load) => cpuSec / deliveries
const formatCost = (load: Load) => `${(costOf(load) * 1e6).toFixed(2)} µs`

async function runLoad(order: object): Promise<Load> {
  // The sessions of all writers are too long for an argument.
  const input = JSON.stringify({ ...order, sec: SEC })
  const { stdout } = await execa(process.execPath, ['--import', 'tsx', LOAD_PROGRAM], { input })
  return v.parse(v.pipe(v.string(), v.parseJson(), LoadResult), stdout)
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
