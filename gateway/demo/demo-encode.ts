import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { colors } from 'consola/utils'
import * as v from 'valibot'

import { startLocalServer } from '../../shared/testing/local-server.ts'
import { DEMO_CLIP, makeDemoClip } from '../../shared/testing/demo-clip.ts'
import { findFreePort } from '../adapters/http/free-port.ts'
import { ProgressEvent, PublicJob } from '../jobs/present.ts'
import { createProgressDisplay } from './progress-display.ts'
import { abortOnExit, abortOnInterrupt, createApiCaller, createTemporaryFolder, generateKey } from './demo-gateway.ts'
import { printLine } from './output.ts'
import { startGatewayProcess } from '../testing/gateway-process.ts'
import { readServerSentEvents } from '../testing/server-sent-events.ts'

/** Deadline of the demo. Its job takes some 20 s of one core. */
const DEADLINE_MS = 180_000
const PRESET = 'hls_720p_abr'
const OUTPUT_PATH = 'demo/'

/** Encodes a generated clip into a ladder, shows the progress and keeps the output. Returns the exit code. */
async function runDemo(): Promise<number> {
  const interrupted = abortOnInterrupt()
  const storageDir = await mkdtemp(join(tmpdir(), 'tallylight-encoded-'))
  try {
    const signal = AbortSignal.any([interrupted, AbortSignal.timeout(DEADLINE_MS)])
    const job = await encodeClip(storageDir, signal)
    await printResult(job, storageDir)
    if (job.status === 'completed') return 0
  } catch (error) {
    printLine(colors.red(`\n  The demo failed: ${error instanceof Error ? error.message : String(error)}`))
  }
  await rm(storageDir, { recursive: true, force: true })
  return 1
}

async function encodeClip(storageDir: string, signal: AbortSignal): Promise<PublicJob> {
  printLine(colors.bold('\n  Tallylight: a clip becomes an HLS ladder, validated before it is published\n'))
  await using folder = await createTemporaryFolder()
  const clip = join(folder.path, 'clip.mp4')
  await makeDemoClip(clip, signal)
  await using server = await serveFile(clip)
  const apiKey = generateKey()
  await using gateway = await startGatewayProcess({
    port: await findFreePort(Number(process.env['PORT']) || null),
    env: {
      DATA_DIR: join(folder.path, 'data'),
      WORK_DIR: join(folder.path, 'work'),
      STORAGE_DIR: storageDir,
      API_KEY: apiKey,
      INTERNAL_API_KEY: generateKey(),
      WEBHOOK_SIGNING_KEY: generateKey(),
      ALLOW_PRIVATE_NETWORKS: 'true',
      LOG_LEVEL: 'warn',
    },
    signal,
  })
  printLine(
    `  input      ${server.origin}/clip.mp4  ${colors.dim(`(${(await stat(clip)).size} bytes, ${DEMO_CLIP.size}, ${DEMO_CLIP.sec} s)`)}`,
  )
  printLine(`  gateway    ${gateway.origin}`)
  const call = createApiCaller(gateway, { 'x-api-key': apiKey })
  const { job_id, stream_url } = await call(CreatedJob, 'POST /api/v1/jobs', {
    input_url: `${server.origin}/clip.mp4`,
    preset: PRESET,
    output: { storage: 'local', path: OUTPUT_PATH },
  })
  printLine(`  job        ${job_id}, preset ${PRESET}\n`)
  await showUpdates(gateway.origin + stream_url, apiKey, AbortSignal.any([signal, abortOnExit(gateway)]))
  // While the gateway still runs.
  return await call(PublicJob, `GET /api/v1/jobs/${job_id}`)
}

/** Shows each update until the last. A stream may end before its job: it is then opened again. */
async function showUpdates(url: string, apiKey: string, signal: AbortSignal): Promise<void> {
  const display = createProgressDisplay(process.stdout)
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

async function printResult({ status, error, validation, output }: PublicJob, storageDir: string): Promise<void> {
  printLine(
    `\n  ${status === 'completed' ? colors.green('completed') : colors.red(`${status}: ${error?.code} ${error?.message}`)}`,
  )
  if (validation !== null) {
    const { is_valid, errors, warnings, level, duration_ms } = validation
    printLine(`  validation ${level}: ${is_valid ? 'no error' : `${errors.length} errors`} in ${duration_ms} ms`)
    for (const { code, message } of [...errors, ...warnings]) printLine(`             ${code}: ${message}`)
  }
  if (output === null) return
  const dir = join(storageDir, OUTPUT_PATH)
  printLine(`  output     ${output.files_uploaded} files, ${(output.bytes / 1e6).toFixed(1)} MB`)
  for (const name of (await readdir(dir)).toSorted()) printLine(colors.dim(`             ${name}`))
  printLine(`\n  Play it:   ffplay ${join(dir, 'master.m3u8')}\n`)
}

const CreatedJob = v.object({ job_id: v.string(), stream_url: v.string() })

function serveFile(path: string) {
  return startLocalServer(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': (await stat(path)).size })
    // A client may close the connection early, as ffprobe does.
    await pipeline(createReadStream(path), response).catch(() => {})
  })
}

process.exitCode = await runDemo()
