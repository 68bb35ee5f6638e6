import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import * as v from 'valibot'
import { onTestFinished, vi } from 'vitest'

import type { WorkerSpec } from '../workers/launcher.ts'

/** `stays` goes at SIGTERM, `stubborn` does not; both start a child that heeds no signal. */
export type Program = 'completes' | 'fails' | 'stays' | 'stubborn'

/** `hang`: heed nothing any more, not even a signal that is handled. */
export type Order = 'exit' | 'fail' | 'hang'

/**
 * What a worker runs. It comes in by NODE_OPTIONS, so that it needs no image of its own, and it reports by a connection
 * that it holds, as its child does: a Pod shares neither files nor pids with a test.
 */
const PROGRAM = `
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
const env = { ...process.env }
delete process.env.NODE_OPTIONS
if (env.PROGRAM === 'fails') {
  for (let line = 1; line <= 30; line++) console.log('line ' + line)
  console.error('the reason')
  process.exit(3)
}
if (env.PROGRAM === 'completes') {
  console.log('the last word')
  process.exit(0)
}
const [host, port, id] = env.REPORT_TO.split(' ')
const run = process.pid + '-' + Date.now()
const gateway = connect(port, host)
const tell = (what, then) => gateway.write(JSON.stringify({ id, run, ...what }) + '\\n', then)
const obey = {
  exit: () => process.exit(0),
  fail: () => process.exit(7),
  hang: () => tell({ said: 'hanging' }, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)),
}
gateway.on('error', () => {}).on('close', () => process.exit(9)).on('data', (order) => obey[String(order).trim()]())
process.on('SIGTERM', () => tell({ said: 'SIGTERM' }, () => env.PROGRAM === 'stubborn' || process.exit(0)))
const child = \`
  process.on('SIGTERM', () => {})
  const gateway = require('node:net').connect(\${port}, '\${host}')
  gateway.on('error', () => {}).on('close', () => process.exit(9)).resume()
  gateway.write('\${JSON.stringify({ id, run, said: 'child' })}\\\\n')
\`
spawn(process.execPath, ['-e', child], { stdio: 'ignore' })
tell({ said: 'worker', pid: process.pid, env })
await new Promise(() => {})
`

const Told = v.variant('said', [
  v.object({
    id: v.string(),
    run: v.string(),
    said: v.literal('worker'),
    pid: v.number(),
    env: v.record(v.string(), v.string()),
  }),
  v.object({ id: v.string(), run: v.string(), said: v.picklist(['child', 'SIGTERM', 'hanging']) }),
])

/** One process of a worker, and the child that it started. */
export type Run = {
  readonly pid: number
  readonly env: Readonly<Record<string, string>>
  /** What it has said since: `SIGTERM`, `hanging`. */
  readonly said: readonly string[]
  /** Neither it nor its child is there any more. */
  isGone(): boolean
  order(order: Order): void
}

export type Programs = {
  /** A JavaScript file that does nothing of itself, to be run where workers are processes of this machine. */
  readonly entry: string
  specOf(program: Program): WorkerSpec
  /** The runs of a worker that have reported, in their order. */
  runsOf(spec: WorkerSpec): readonly Run[]
  /** The run of that number, from 0, as soon as it has reported. */
  runOf(spec: WorkerSpec, nth?: number): Promise<Run>
}

/** Where workers run. */
export type Surroundings = {
  /** The address under which they reach this machine. */
  readonly host: string
  /** How long one may take to start or to go, in ms. */
  readonly withinMs: number
}

export const THIS_MACHINE: Surroundings = { host: '127.0.0.1', withinMs: 10_000 }

/** Listens for what launched programs report, until the test is over; then they end as well. */
export async function listenForPrograms({ host, withinMs }: Surroundings = THIS_MACHINE): Promise<Programs> {
  const runs = new Map<string, RunRecord>()
  const port = await listen(host === THIS_MACHINE.host ? host : '0.0.0.0', (socket, line) => take(runs, socket, line))
  const code = Buffer.from(PROGRAM).toString('base64')
  const runsOf = ({ assignmentId }: WorkerSpec) =>
    [...runs.values()].filter(({ id }) => id === assignmentId).flatMap(readyRun)
  return {
    entry: await writeEntry(),
    specOf(program) {
      const id = randomUUID()
      const NODE_OPTIONS = `--import=data:text/javascript;base64,${code}`
      const env = { PROGRAM: program, REPORT_TO: `${host} ${port} ${id}`, NODE_OPTIONS }
      return { name: `stream-monitor-${id}`, kind: 'monitor', assignmentId: id, env }
    },
    runsOf,
    async runOf(spec, nth = 0) {
      const one = () => runsOf(spec)[nth] ?? fail(`${spec.name} has not reported`)
      return vi.waitFor(one, { timeout: withinMs, interval: 20 })
    },
  }
}

/** Takes connections at a port of its own, which it gives, and hands on their lines. */
async function listen(host: string, onLine: (socket: Socket, line: string) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    createInterface({ input: socket }).on('line', (line) => onLine(socket, line))
  })
  server.listen(0, host)
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return (server.address() as AddressInfo).port
}

async function writeEntry(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-programs-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const entry = join(folder, 'worker.mjs')
  await writeFile(entry, '')
  return entry
}

function fail(message: string): never {
  throw new Error(message)
}

type RunRecord = {
  readonly id: string
  readonly said: string[]
  readonly sockets: Set<Socket>
  worker: { readonly socket: Socket; readonly pid: number; readonly env: Run['env'] } | null
}

function take(runs: Map<string, RunRecord>, socket: Socket, line: string): void {
  const told = v.parse(Told, JSON.parse(line))
  const run = runs.get(told.run) ?? { id: told.id, said: [], sockets: new Set<Socket>(), worker: null }
  runs.set(told.run, run)
  run.said.push(told.said)
  if (told.said === 'worker') run.worker = { socket, pid: told.pid, env: told.env }
  if (told.said === 'worker' || told.said === 'child') run.sockets.add(socket)
}

/** A run is ready once both it and its child have reported. */
function readyRun({ worker, sockets, said }: RunRecord): readonly Run[] {
  if (worker === null || !said.includes('child')) return []
  const { socket, pid, env } = worker
  const isGone = () => [...sockets].every(({ closed }) => closed)
  return [{ pid, env, said, isGone, order: (order) => void socket.write(`${order}\n`) }]
}
