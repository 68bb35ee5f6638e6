import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { JobOrder } from '../../shared/contract/jobs.ts'
import { probe } from '../platform/ffprobe.ts'
import type { Probe } from '../platform/probed-media.ts'
import type { Bench, Done } from './bench.ts'
import { sweep } from './deliver.ts'
import { findCut, isDoubtful } from './cut-short.ts'
import { encode } from './encode/encode.ts'
import type { EncodePlan } from './encode-plan.ts'
import { fault, mishap, type Unfinished } from './failure.ts'
import { toMediaInfo } from './media-info.ts'
import { paceOf } from './pace.ts'
import { planOutput } from './plan.ts'
import { publish } from './publish.ts'
import { runChunk, runJoin, splitJob } from './run-parts.ts'
import { fetchInput } from './source.ts'
import { withStore } from './store-use.ts'

type OrderOf<Task extends JobOrder['task']> = Extract<JobOrder, { readonly task: Task }>

/** Without an index at hand, ffprobe reads the whole file. */
const PROBE_TIMEOUT_MS = 120_000

/** Does what a task's order says. Expected trouble is a value; what breaks our own rules, or the disk, throws. */
export async function runOrder(order: JobOrder, bench: Bench): Promise<Done | Unfinished> {
  switch (order.task) {
    case 'encode':
      return encodeWhole(order, bench)
    case 'chunk':
      return runChunk(order, bench)
    case 'join':
      return runJoin(order, bench)
    case 'sweep':
      return sweepStore(order, bench)
    case 'tidy':
      return tidyStore(order, bench)
  }
}

async function encodeWhole(order: OrderOf<'encode'>, bench: Bench): Promise<Done | Unfinished> {
  const { environment, signal, tell } = bench
  const source = await openSource(order, bench)
  if (source.kind !== 'ok') return source
  const split = await splitJob(order, source, bench)
  if (split.kind !== 'whole') return split
  const { plan } = source
  const dir = join(bench.dir, 'out')
  await mkdir(dir)
  tell({ kind: 'phase', phase: 'encode', share: 0 })
  let endSec = 0
  const encoded = await encode(source.path, plan, {
    ffmpegPath: environment.FFMPEG_PATH,
    dir,
    signal,
    timeoutMs: order.time_left_ms,
    maxOutputBytes: environment.OUTPUT_MAX_BYTES,
    onProgress: (progress) => {
      endSec = progress.outTimeSec
      const share = endSec / plan.durationSec
      tell({ kind: 'phase', phase: 'encode', share, pace: paceOf(progress, plan.durationSec - endSec) })
    },
  })
  if (isDoubtful(encoded, endSec, plan)) {
    const timeoutMs = PROBE_TIMEOUT_MS
    const cut = await findCut(source, { ffprobePath: environment.FFPROBE_PATH, timeoutMs, signal })
    if (cut !== null) return cut
  }
  return encoded.kind === 'done' ? publish(order, { plan, dir }, bench) : encoded
}

type Source = { readonly kind: 'ok'; readonly path: string; readonly probe: Probe; readonly plan: EncodePlan }

/** Brings the input here, looks at it, and decides what comes of it. */
async function openSource(order: OrderOf<'encode'>, bench: Bench): Promise<Source | Unfinished> {
  const { environment, fetcher, dir, tell, signal } = bench
  tell({ kind: 'phase', phase: 'fetch', share: 0 })
  const input = await fetchInput(order.input_url, {
    fetcher,
    stores: environment,
    allowFile: environment.ALLOW_FILE_INPUT,
    maxBytes: environment.INPUT_MAX_BYTES,
    dir,
    onProgress: (share) => tell({ kind: 'phase', phase: 'fetch', share }),
    signal,
  })
  if (input.kind !== 'ok') return input
  const looked = await probe(environment.FFPROBE_PATH, input.path, { timeoutMs: PROBE_TIMEOUT_MS, signal })
  if (signal.aborted) return { kind: 'aborted' }
  if (looked.kind === 'invalid') return fault('INPUT_INVALID', looked.reason)
  if (looked.kind === 'failed') return mishap('FFPROBE_FAILED', looked.reason)
  tell({ kind: 'probed', mediaInfo: toMediaInfo(looked.probe) })
  const planned = planOutput(looked.probe, order.preset, order.clip, order.output.type)
  if (planned.kind === 'problem') return { kind: 'failed', failure: planned.failure }
  return { kind: 'ok', path: input.path, probe: looked.probe, plan: planned.plan }
}

function sweepStore(order: OrderOf<'sweep'>, bench: Bench): Promise<Done | Unfinished> {
  return withStore(order.output.storage, bench, async (store) => {
    await sweep({ store, partsKey: order.parts_key, dir: bench.dir }, bench.signal)
    return { kind: 'done', output: null, plan: null }
  })
}

function tidyStore(order: OrderOf<'tidy'>, bench: Bench): Promise<Done | Unfinished> {
  return withStore(order.output.storage, bench, async (store) => {
    await store.clear(order.parts_key, bench.signal)
    return { kind: 'done', output: null, plan: null }
  })
}
