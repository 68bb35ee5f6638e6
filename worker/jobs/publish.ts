import { rename } from 'node:fs/promises'
import { basename, join } from 'node:path'

import type { JobOrder, ValidationResult } from '../../shared/contract/jobs.ts'
import type { Bench, Done } from './bench.ts'
import { deliver, sweepLeftovers, tidy, type Delivered, type Delivery } from './deliver.ts'
import { fault, mishap, type Unfinished } from './failure.ts'
import { finishManifests } from './manifests/finish-manifests.ts'
import type { OutputPlan, OutputSet } from './output-plan.ts'
import { withStore } from './store-use.ts'
import { makeThumbnails } from './thumbnails/make-thumbnails.ts'
import { validateOutput } from './validate/validate-output.ts'

const THUMBNAILS_TIMEOUT_MS = 300_000
const REMOVAL_TIMEOUT_MS = 20_000

/**
 * From what ffmpeg left in `dir` to the stored output: playlists, thumbnails where they are asked for, the check, and
 * the delivery. Nothing is stored that was not found to be right, nor before the gateway knows that something will be.
 */
export async function publish(
  order: Extract<JobOrder, { readonly task: 'encode' | 'join' }>,
  made: { readonly plan: OutputPlan; readonly dir: string },
  bench: Bench,
): Promise<Done | Unfinished> {
  const { tell, signal } = bench
  // Told before it is known, so that the gateway's answer need not be waited for later.
  tell({ kind: 'storing' })
  tell({ kind: 'phase', phase: 'finish', share: 0 })
  const finished = await finishManifests({ ...made, signal })
  if (finished.kind === 'broken') {
    const errors = [finished.issue]
    return refused(
      { level: bench.environment.VALIDATION_LEVEL, is_valid: false, errors, warnings: [], duration_ms: 0 },
      bench,
    )
  }
  const named = await nameFile(finished.set, order.output.path)
  const set = order.thumbnails ? await withThumbnails(named, made.plan, bench) : named

  tell({ kind: 'phase', phase: 'validate', share: 0 })
  const validation = await validateOutput({
    plan: made.plan,
    preset: order.preset,
    set,
    settings: validationSettings(bench),
    tools: toolsOf(bench),
    signal,
  })
  if (!validation.is_valid) return refused(validation, bench)
  tell({ kind: 'validated', validation })
  return store(order, { set, hasPicture: made.plan.video !== null }, bench)
}

/** A single file goes by the name that it will have in the store, for its thumbnails are named after it. */
async function nameFile(set: OutputSet, path: string): Promise<OutputSet> {
  if (path.endsWith('/') || set.files.length > 1) return set
  const entry = basename(path)
  await rename(join(set.dir, set.entry), join(set.dir, entry))
  return { ...set, files: [entry], entry }
}

/** An output without thumbnails is worth more than none. */
async function withThumbnails(
  set: OutputSet,
  plan: OutputPlan,
  { environment, log, signal }: Bench,
): Promise<OutputSet> {
  const { FFMPEG_PATH: ffmpegPath } = environment
  const made = await makeThumbnails({ ffmpegPath, plan, set, signal, timeoutMs: THUMBNAILS_TIMEOUT_MS })
  if (made.kind === 'made') return { ...set, files: [...made.files, ...set.files] }
  if (!signal.aborted) log.warn('an output goes without thumbnails', { problem: made.error })
  return set
}

function validationSettings({ environment }: Bench) {
  return {
    level: environment.VALIDATION_LEVEL,
    decodeTest: environment.VALIDATION_DECODE_TEST,
    hlsDepth: environment.VALIDATION_HLS_DEPTH,
    timeoutMs: environment.VALIDATION_TIMEOUT,
  }
}

function toolsOf({ environment }: Bench) {
  return { ffmpegPath: environment.FFMPEG_PATH, ffprobePath: environment.FFPROBE_PATH }
}

/** The first error names the failure; only an ffprobe that did not come to its end may do so the next time. */
function refused(validation: ValidationResult, { tell, signal }: Bench): Unfinished {
  if (signal.aborted) return { kind: 'aborted' }
  tell({ kind: 'validated', validation })
  const [first] = validation.errors
  if (first === undefined) return mishap('VALIDATION_FAILED', 'the output was refused without a reason')
  const blame = first.code === 'FFPROBE_FAILED' ? mishap : fault
  return blame(first.code, `the output is not as it should be: ${first.message}`)
}

async function store(
  { output, parts_key: partsKey, leftovers }: Pick<JobOrder, 'output' | 'parts_key' | 'leftovers'>,
  made: Pick<Delivery, 'set' | 'hasPicture'>,
  bench: Bench,
): Promise<Done | Unfinished> {
  const { tell, heard, isFirstAttempt, isStillOurs, log, signal } = bench
  await heard()
  tell({ kind: 'phase', phase: 'store', share: 0 })
  if (signal.aborted) return { kind: 'aborted' }
  const onProgress = ({ files, filesDone }: Delivered) => {
    tell({ kind: 'phase', phase: 'store', share: filesDone / files })
  }
  return withStore(output.storage, bench, async (opened) => {
    await sweepLeftovers(leftovers, { store: opened, dir: bench.dir, log }, signal)
    const delivery = { store: opened, ...made, output, partsKey, isFirstAttempt, isStillOurs, log, onProgress }
    const delivered = await deliver(delivery, signal)
    return delivered.kind === 'done' ? { kind: 'done', output: delivered.output, plan: null } : delivered
  })
}

/** Removes what a job keeps beside its output, once its end is known: of one that was not split, the list of its files. */
export async function clearParts(
  { output, parts_key: partsKey }: Pick<JobOrder, 'output' | 'parts_key'>,
  bench: Pick<Bench, 'environment' | 'log'>,
): Promise<void> {
  const cleared = await withStore(output.storage, bench, async (opened) => tidy(opened, partsKey, bench.log))
  if (cleared !== undefined) bench.log.warn('parts of a finished job left in the store', { parts_key: partsKey })
}

/** Removes what was stored of a job that turned out to be over. What stays is for the gateway's sweep to remove. */
export async function removeOutput(
  { output, parts_key: partsKey }: Pick<JobOrder, 'output' | 'parts_key'>,
  { dir, ...bench }: Pick<Bench, 'environment' | 'log' | 'dir'>,
): Promise<void> {
  const signal = AbortSignal.timeout(REMOVAL_TIMEOUT_MS)
  const removed = await withStore(output.storage, bench, async (opened) => {
    await sweepLeftovers([partsKey], { store: opened, dir, log: bench.log }, signal)
  })
  if (removed !== undefined) bench.log.warn('output of a failed delivery left in the store', { parts_key: partsKey })
}
