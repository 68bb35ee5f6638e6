import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import * as v from 'valibot'
import { onTestFinished, vi } from 'vitest'

import { WAIT } from '../../../shared/testing/until.ts'
import type { WorkerSpec } from '../../ports/launcher.ts'

/** `stays` ends at SIGTERM, `stubborn` does not; both start a child that ignores it. */
export type ProgramName = 'completes' | 'fails' | 'stays' | 'stubborn'

/** `hang` blocks the event loop, so that the program handles no signal any more. */
export type ProgramCommand = 'exit' | 'fail' | 'hang'

/**
 * The program that a launched worker runs. It is loaded by NODE_OPTIONS, so that it needs no image of its own. It and its
 * child report over connections that they keep open, because a Pod shares neither files nor pids with a test.
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
const send = (what, then) => gateway.write(JSON.stringify({ id, run, ...what }) + '\\n', then)
const commands = {
  exit: () => process.exit(0),
  fail: () => process.exit(7),
  hang: () => send({ kind: 'hanging' }, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)),
}
gateway.on('error', () => {}).on('close', () => process.exit(9)).on('data', (command) => commands[String(command).trim()]())
process.on('SIGTERM', () => send({ kind: 'SIGTERM' }, () => env.PROGRAM === 'stubborn' || process.exit(0)))
const child = \`
  process.on('SIGTERM', () => {})
  const gateway = require('node:net').connect(\${port}, '\${host}')
  gateway.on('error', () => {}).on('close', () => process.exit(9)).resume()
  gateway.write('\${JSON.stringify({ id, run, kind: 'child' })}\\\\n')
\`
spawn(process.execPath, ['-e', child], { stdio: 'ignore' })
send({ kind: 'worker', pid: process.pid, env })
await new Promise(() => {})
`

const ProgramMessage = v.variant('kind', [
  v.object({
    id: v.string(),
    run: v.string(),
    kind: v.literal('worker'),
    pid: v.number(),
    env: v.record(v.string(), v.string()),
  }),
  v.object({ id: v.string(), run: v.string(), kind: v.picklist(['child', 'SIGTERM', 'hanging']) }),
])

/** One process of a worker, and its child. */
export type ProgramRun = {
  readonly pid: number
  readonly env: Readonly<Record<string, string>>
  /** Kinds of its messages so far, such as `SIGTERM` and `hanging`. */
  readonly messages: readonly string[]
  /** Returns whether it and its child have ended. */
  isGone(): boolean
  send(command: ProgramCommand): void
}

export type LaunchedPrograms = {
  /** An empty JavaScript file, for launchers that run workers as processes of this machine. */
  readonly entry: string
  specOf(program: ProgramName): WorkerSpec
  /** Returns the runs of a worker that have reported, in order. */
  runsOf(spec: WorkerSpec): readonly ProgramRun[]
  /** Resolves with the nth run of a worker, from 0, once it has reported. */
  runOf(spec: WorkerSpec, nth?: number): Promise<ProgramRun>
}

/** The network between workers and this machine. */
export type WorkerNetwork = {
  /** Address by which workers reach this machine. */
  readonly host: string
}

export const THIS_MACHINE: WorkerNetwork = { host: '127.0.0.1' }

/** Listens for messages of launched programs until the test ends; then the programs exit. */
export async function listenForPrograms({ host }: WorkerNetwork = THIS_MACHINE): Promise<LaunchedPrograms> {
  const runs = new Map<string, RunRecord>()
  const port = await listen(host === THIS_MACHINE.host ? host : '0.0.0.0', (socket, line) =>
    recordMessage(runs, socket, line),
  )
  const code = Buffer.from(PROGRAM).toString('base64')
  const runsOf = ({ assignmentId }: WorkerSpec) =>
    [...runs.values()].filter(({ id }) => id === assignmentId).flatMap(toReadyRun)
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
      const one = () => runsOf(spec)[nth] ?? throwError(`${spec.name} has not reported`)
      return vi.waitFor(one, WAIT)
    },
  }
}

/** Listens at a free port, which it returns, and forwards each received line. */
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

function throwError(message: string): never {
  throw new Error(message)
}

type RunRecord = {
  readonly id: string
  readonly messages: string[]
  readonly sockets: Set<Socket>
  worker: { readonly socket: Socket; readonly pid: number; readonly env: ProgramRun['env'] } | null
}

function recordMessage(runs: Map<string, RunRecord>, socket: Socket, line: string): void {
  const message = v.parse(ProgramMessage, JSON.parse(line))
  const run = runs.get(message.run) ?? { id: message.id, messages: [], sockets: new Set<Socket>(), worker: null }
  runs.set(message.run, run)
  run.messages.push(message.kind)
  if (message.kind === 'worker') run.worker = { socket, pid: message.pid, env: message.env }
  if (message.kind === 'worker' || message.kind === 'child') run.sockets.add(socket)
}

/** Returns the run of a record once both it and its child have reported, otherwise nothing. */
function toReadyRun({ worker, sockets, messages }: RunRecord): readonly ProgramRun[] {
  if (worker === null || !messages.includes('child')) return []
  const { socket, pid, env } = worker
  const isGone = () => [...sockets].every(({ closed }) => closed)
  return [{ pid, env, messages, isGone, send: (command) => void socket.write(`${command}\n`) }]
}
