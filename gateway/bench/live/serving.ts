import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

import postgres from 'postgres'
import * as v from 'valibot'

import { findFreePort } from '../../adapters/http/free-port.ts'
import { medianOf } from '../../demo/live-summary.ts'
import { waitForPort } from '../../testing/wait-for-port.ts'
import { readCpuSec, readTreeCpuSec } from '../cpu.ts'
import type { BenchResult } from '../result-table.ts'
import type { BenchSystem } from '../system.ts'
import { startNginx } from './nginx.ts'

const CONNECTIONS = 16
const SEC = 4
/** The servers are loaded in turn, since other programs may be busy. */
const ROUNDS = 3
/** Code that is used often is compiled meanwhile. The requests are for a small file, so that they are many. */
const WARM_UP_SEC = 8
const RENDITION = '360'
/** Segments of a playlist with two hours of DVR. */
const WINDOW_SEGMENTS = 3600
/** Time in which the CPU of a server without a load is measured. */
const IDLE_MS = 2000
const START_TIMEOUT_MS = 30_000
const PLAIN_PROGRAM = fileURLToPath(new URL('plain-server.ts', import.meta.url))
const LOAD_PROGRAM = fileURLToPath(new URL('load.ts', import.meta.url))

export type ServedBroadcast = {
  readonly system: BenchSystem
  readonly streamId: string
  /** The store's folder. */
  readonly storageDir: string
  /** A folder for further files. */
  readonly dir: string
}

/** Measures the CPU of a segment and of a playlist, against nginx and plain Node with the same bytes as files. */
export async function benchServing(served: ServedBroadcast): Promise<BenchResult[]> {
  const { system, streamId, storageDir, dir } = served
  await using nginx = await startNginx(dir, storageDir)
  if (nginx === null) {
    process.stdout.write('nginx is not installed (Debian: nginx-light): delivery is not measured\n')
    return []
  }
  await using plain = await startPlainServer(storageDir)
  const gateway = { origin: system.origin, readCpu: () => readCpuSec(system.pid) }
  const servers = { gateway, nginx: toMeasured(nginx), plain: toMeasured(plain) }
  const folder = `/live/${streamId}`
  const small = /#EXT-X-MAP:URI="([^"]*)"/.exec(await readPlaylist(system, folder))?.[1] ?? ''
  for (const { origin } of Object.values(servers)) await runLoad(origin, `${folder}/${small}`, WARM_UP_SEC)
  const segment = /^[^#\s].*m4s$/m.exec(await readPlaylist(system, folder))?.[0] ?? ''
  const ofSegment = await measureCosts(servers, `${folder}/${segment}`, `${folder}/${segment}`)
  await reopenWithWindow(system.databaseUrl, streamId)
  const playlist = await readPlaylist(system, folder)
  await writeFile(join(storageDir, folder, 'playlist.m3u8'), playlist)
  const address = `${folder}/${await findViewerAddress(system, folder)}`
  const ofPlaylist = await measureCosts(servers, address, `${folder}/playlist.m3u8`)
  const kilobytes = `${(playlist.length / 1000).toFixed(0)} kB`
  return [
    ...costRows(`a segment of ${(ofSegment.bytes / 1000).toFixed(0)} kB from the gateway's memory`, ofSegment),
    ...costRows(`a live playlist of two hours, ${kilobytes}`, ofPlaylist),
  ]
}

/** Returns the rows of what a request costs. */
function costRows(what: string, { gateway, nginx, plain }: RequestCosts): BenchResult[] {
  const format = (cpuSec: number) => `${(cpuSec * 1e6).toFixed(0)} µs`
  return [
    {
      name: `CPU of ${what}`,
      ours: `${format(gateway)} (${(1 / gateway).toFixed(0)} a second of a core)`,
      compared: `nginx, as a file: ${format(nginx)}`,
      ratio: gateway / nginx,
      goal: '≤ 2',
    },
    {
      name: 'the same',
      ours: format(gateway),
      compared: `node:http alone, from memory: ${format(plain)}`,
      ratio: gateway / plain,
      goal: 'lower',
    },
  ]
}

/** Returns the address of the rendition for one viewer, below the folder of the broadcast. */
async function findViewerAddress(system: BenchSystem, folder: string): Promise<string> {
  const master = await readPlaylist(system, folder, 'master')
  const address = master.split('\n').find((line) => line.startsWith(`${RENDITION}.m3u8?viewer=`))
  if (address === undefined) throw new Error('the playlist names no viewer')
  return address
}

async function readPlaylist({ origin }: BenchSystem, folder: string, name: string = RENDITION): Promise<string> {
  const response = await fetch(`${origin}${folder}/${name}.m3u8`)
  if (!response.ok) throw new Error(`the playlist was answered ${response.status}`)
  return response.text()
}

/**
 * Puts a broadcast that has ended on the air again, with the window of a long one: its rows are repeated. No encoder
 * publishes, so that nothing is encoded meanwhile.
 */
async function reopenWithWindow(databaseUrl: string, streamId: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1 })
  await sql`
    insert into stream_segments
      (stream_id, seq, epoch, run, n, duration_sec, program_date_time, frames, bytes)
    select last.stream_id, g, last.epoch, last.run, g, 2.0,
      last.program_date_time + make_interval(secs => 2 * (g - last.seq)), last.frames, last.bytes
    from (select * from stream_segments where stream_id = ${streamId} order by seq desc limit 1) last,
      generate_series(last.seq + 1, ${WINDOW_SEGMENTS - 1}) g`
  await sql`
    update streams set state = 'live', ended_at = null, closed_at = null, next_seq = ${WINDOW_SEGMENTS}
    where stream_id = ${streamId}`
  await sql.end()
  // The gateway reads rows at most once a second.
  await wait(1500)
}

type MeasuredServer = { readonly origin: string; readonly readCpu: () => number }

function toMeasured({ origin, pid }: { readonly origin: string; readonly pid: number }): MeasuredServer {
  return { origin, readCpu: () => readTreeCpuSec(pid) }
}

type ServerName = 'gateway' | 'nginx' | 'plain'
/** CPU seconds of a request to each server, and the bytes of an answer. */
type RequestCosts = Readonly<Record<ServerName, number>> & { readonly bytes: number }

/** Measures the servers in turn, after a round that is not counted. */
async function measureCosts(
  servers: Readonly<Record<ServerName, MeasuredServer>>,
  ours: string,
  theirs: string,
): Promise<RequestCosts> {
  const costs: Record<ServerName, number[]> = { gateway: [], nginx: [], plain: [] }
  const names = ['gateway', 'nginx', 'plain'] as const
  let bytes = 0
  for (let round = 0; round <= ROUNDS; round++) {
    for (const name of names) {
      const load = await measureLoad(servers[name], name === 'gateway' ? ours : theirs)
      if (round > 0) costs[name].push(load.cpuSec / load.requests)
      bytes = load.bytes / load.requests
    }
  }
  const [gateway, nginx, plain] = names.map((name) => medianOf(costs[name]))
  return { gateway: gateway ?? 0, nginx: nginx ?? 0, plain: plain ?? 0, bytes }
}

/** Loads a server; its CPU is what it uses more than without a load. */
async function measureLoad({ origin, readCpu }: MeasuredServer, path: string) {
  const idleFrom = readCpu()
  await wait(IDLE_MS)
  const idlePerSec = ((readCpu() - idleFrom) / IDLE_MS) * 1000
  const from = readCpu()
  const load = await runLoad(origin, path)
  return { ...load, cpuSec: Math.max(0, readCpu() - from - idlePerSec * SEC) }
}

/** Starts `plain-server.ts` on a folder. */
async function startPlainServer(root: string) {
  const port = await findFreePort(null)
  const child = spawn(process.execPath, ['--import', 'tsx', PLAIN_PROGRAM, root, String(port)], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  await waitForPort(port, AbortSignal.timeout(START_TIMEOUT_MS))
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

const LoadResult = v.object({ requests: v.number(), bytes: v.number() })

async function runLoad(origin: string, path: string, sec = SEC): Promise<v.InferOutput<typeof LoadResult>> {
  const order = JSON.stringify({ origin, path, connections: CONNECTIONS, sec })
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', LOAD_PROGRAM, order])
  return v.parse(v.pipe(v.string(), v.parseJson(), LoadResult), stdout)
}
