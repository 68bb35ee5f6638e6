import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { colors } from 'consola/utils'
import * as v from 'valibot'

import { startLocalServer } from '../../worker/testing/local-server.ts'
import { DEMO_CLIP, makeDemoClip } from '../../worker/testing/demo-clip.ts'
import { findFreePort } from '../adapters/free-port.ts'
import { ProgressEvent, PublicJob } from '../jobs/present.ts'
import { showProgress } from './demo-progress.ts'
import { say } from './demo-print.ts'
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts'
import { readServerSentEvents } from './server-sent-events.ts'

/** The demo gives up in time, come what may: its job takes some 20 s of one core. */
const DEADLINE_MS = 180_000
const CALL_TIMEOUT_MS = 10_000
const PRESET = 'hls_720p_abr'
const OUTPUT_PATH = 'demo/'

/** Encodes a generated clip into a ladder, shows how it goes, and leaves the output to be played. Gives the exit code. */
async function runDemo(): Promise<number> {
  const stopped = new AbortController()
  const stop = () => stopped.abort(new Error('interrupted'))
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop)
  const storageDir = await mkdtemp(join(tmpdir(), 'tallylight-encoded-'))
  try {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(DEADLINE_MS)])
    const job = await encodeClip(storageDir, signal)
    await showResult(job, storageDir)
    if (job.status === 'completed') return 0
  } catch (error) {
    say(colors.red(`\n  The demo failed: ${error instanceof Error ? error.message : String(error)}`))
  }
  await rm(storageDir, { recursive: true, force: true })
  return 1
}

async function encodeClip(storageDir: string, signal: AbortSignal): Promise<PublicJob> {
  say(colors.bold('\n  Tallylight: a clip becomes an HLS ladder, checked before anybody sees it\n'))
  await using folder = await temporaryFolder()
  const clip = join(folder.path, 'clip.mp4')
  await makeDemoClip(clip, signal)
  await using server = await serveFile(clip)
  const apiKey = newKey()
  await using gateway = await startGatewayProcess({
    port: await findFreePort(Number(process.env['PORT']) || null),
    env: {
      DATA_DIR: join(folder.path, 'data'),
      WORK_DIR: join(folder.path, 'work'),
      STORAGE_DIR: storageDir,
      API_KEY: apiKey,
      INTERNAL_API_KEY: newKey(),
      WEBHOOK_SIGNING_KEY: newKey(),
      ALLOW_PRIVATE_NETWORKS: 'true',
      LOG_LEVEL: 'warn',
    },
    signal,
  })
  say(
    `  input      ${server.origin}/clip.mp4  ${colors.dim(`(${(await stat(clip)).size} bytes, ${DEMO_CLIP.size}, ${DEMO_CLIP.sec} s)`)}`,
  )
  say(`  gateway    ${gateway.origin}`)
  const call = apiCaller(gateway, apiKey)
  const { job_id, stream_url } = await call(CreatedJob, 'POST /api/v1/jobs', {
    input_url: `${server.origin}/clip.mp4`,
    preset: PRESET,
    output: { storage: 'local', path: OUTPUT_PATH },
  })
  say(`  job        ${job_id}, preset ${PRESET}\n`)
  await follow(gateway.origin + stream_url, apiKey, AbortSignal.any([signal, endOf(gateway)]))
  // Before the gateway goes.
  return await call(PublicJob, `GET /api/v1/jobs/${job_id}`)
}

/** Shows each update as it comes, to the last. A stream may end before its job does: then it is opened again. */
async function follow(url: string, apiKey: string, signal: AbortSignal): Promise<void> {
  const display = showProgress(process.stdout)
  for (let isOver = false; !isOver;) {
    const response = await fetch(url, { headers: { 'x-api-key': apiKey }, signal })
    if (!response.ok || response.body === null) throw new Error(`the stream was answered ${response.status}`)
    for await (const { data } of readServerSentEvents(response.body)) {
      if (data === '') continue
      const event = v.parse(ProgressEvent, JSON.parse(data))
      display.show(event)
      isOver = ['completed', 'failed', 'canceled'].includes(event.status)
    }
  }
  display.end()
}

async function showResult({ status, error, validation, output }: PublicJob, storageDir: string): Promise<void> {
  say(
    `\n  ${status === 'completed' ? colors.green('completed') : colors.red(`${status}: ${error?.code} ${error?.message}`)}`,
  )
  if (validation !== null) {
    const { is_valid, errors, warnings, level, duration_ms } = validation
    say(`  validation ${level}: ${is_valid ? 'no error' : `${errors.length} errors`} in ${duration_ms} ms`)
    for (const { code, message } of [...errors, ...warnings]) say(`             ${code}: ${message}`)
  }
  if (output === null) return
  const dir = join(storageDir, OUTPUT_PATH)
  say(`  output     ${output.files_uploaded} files, ${(output.bytes / 1e6).toFixed(1)} MB`)
  for (const name of (await readdir(dir)).toSorted()) say(colors.dim(`             ${name}`))
  say(`\n  Play it:   ffplay ${join(dir, 'master.m3u8')}\n`)
}

const CreatedJob = v.object({ job_id: v.string(), stream_url: v.string() })

/** Calls the public API; an answer that is not 2xx is an error with what the gateway said. */
function apiCaller(gateway: GatewayProcess, apiKey: string) {
  return async <T>(answer: v.GenericSchema<unknown, T>, call: string, body?: object): Promise<T> => {
    const [method = '', path = ''] = call.split(' ')
    const response = await fetch(gateway.origin + path, {
      method,
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`${call} was answered ${response.status}: ${await response.text()}`)
    return v.parse(answer, await response.json())
  }
}

/** Aborts when the gateway ends, with its last words. */
function endOf(gateway: GatewayProcess): AbortSignal {
  const ended = new AbortController()
  void gateway.exited.then(() => ended.abort(new Error(`the gateway ended:\n${gateway.lastLines.join('\n')}`)))
  return ended.signal
}

function serveFile(path: string) {
  return startLocalServer(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': (await stat(path)).size })
    // Whoever leaves early has had enough.
    await pipeline(createReadStream(path), response).catch(() => {})
  })
}

function newKey(): string {
  return randomBytes(24).toString('base64url')
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tallylight-demo-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

process.exitCode = await runDemo()
