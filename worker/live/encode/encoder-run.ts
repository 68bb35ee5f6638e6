/**
 * One run of the encoder: it reads a source's tags and writes a fragmented MP4 per rung, which become parts and segments.
 * A run ends with its source, where `cut` or `abandon` requests it, or with a failure.
 */

import type { Clock } from '../../platform/clock.ts'
import { PROGRAM_LIMITS } from '../../platform/program-limits.ts'
import { startProgram } from '../../platform/start-program.ts'
import { buildEncoderArguments } from '../plan/encoder-arguments.ts'
import type { RunPlan } from '../plan/plan-run.ts'
import type { FlvTag } from '../flv/flv-tag.ts'
import type { SourceStart } from '../source/collect-start.ts'
import { createTagFeed } from '../source/feed-tags.ts'
import type { TagQueue } from '../source/tag-queue.ts'
import { describeExit } from './describe-exit.ts'
import { feedEncoder, type InputEnd } from './feed-encoder.ts'
import { createHangWatch } from './hang-watch.ts'
import { createRunPackaging, type RunOutputs } from './package-run.ts'

/** Why a run ended: with its input, all frames of which are in segments then; `cut` as requested; or by a failure. */
export type RunEnd = InputEnd | { readonly kind: 'cut' } | { readonly kind: 'failed'; readonly reason: string }

export type EncoderRunOptions = {
  readonly ffmpegPath: string
  readonly plan: RunPlan
  readonly start: SourceStart
  readonly tags: TagQueue
  /** Unix time in ms of timestamp 0. */
  readonly baseMs: number
  /** Returns the least length of a segment of the run, in ms. */
  readonly leastMs: (segment: number) => number
  readonly isCurrent: () => boolean
  readonly outputs: RunOutputs
  readonly clock: Clock
  readonly stopping: AbortSignal
  readonly killed: AbortSignal
}

export type EncoderRunHandle = {
  /** Ends the run with the segment that is open now. */
  cut(): void
  /** Ends the run now, without the segment that is open. */
  abandon(): void
  readonly ended: Promise<RunEnd>
}

const CHECK_INTERVAL_MS = 500
const HANGING: RunEnd = { kind: 'failed', reason: 'ffmpeg hangs: it encodes nothing' }
/** Deadline for the frames that are in the encoder when its input ends. */
const FLUSH_MS = 12_000
const UNFLUSHED: RunEnd = { kind: 'failed', reason: 'ffmpeg did not end with its input' }

/** Starts a run. */
export function startEncoderRun(options: EncoderRunOptions): EncoderRunHandle {
  const { feed, program, packaging, hang, write } = setUpRun(options)
  let inputEnd: InputEnd | null = null
  let end: RunEnd | null = null

  return { cut: packaging.cut, abandon: () => finish({ kind: 'cut' }), ended: run() }

  async function run(): Promise<RunEnd> {
    const abort = () => finish({ kind: 'aborted' })
    options.killed.addEventListener('abort', abort)
    const watch = setInterval(() => hang.check(packaging.progress()) && finish(HANGING), CHECK_INTERVAL_MS)
    try {
      const feeding = feedAll()
      await Promise.all(program.pipes.map((pipe, rung) => readPipe(pipe, rung)))
      const exit = await program.exited
      const isComplete = exit.kind === 'exited' && exit.code === 0
      end ??= (isComplete ? inputEnd : null) ?? { kind: 'failed', reason: describeExit(exit) }
      await feeding
      if (end === inputEnd) packaging.end(end?.kind === 'gap')
      return end
    } catch (error) {
      return fail(error)
    } finally {
      clearInterval(watch)
      options.killed.removeEventListener('abort', abort)
      await program[Symbol.asyncDispose]()
    }
  }

  /** Ends the run at once. */
  function finish(reason: RunEnd): void {
    end ??= reason
    program.kill()
  }

  async function feedAll(): Promise<void> {
    await program.write(feed.header)
    inputEnd = await feedEncoder({ ...options, write, isRunOver: () => end !== null })
    // Without the sound that it waits for, it has written nothing.
    if (inputEnd.kind === 'silent') return finish(inputEnd)
    program.closeInput()
    const deadline = setTimeout(() => finish(UNFLUSHED), FLUSH_MS)
    void program.exited.then(() => clearTimeout(deadline))
  }

  async function readPipe(pipe: AsyncIterable<Buffer>, rung: number): Promise<void> {
    try {
      for await (const chunk of pipe) {
        if (end === null) packaging.push(rung, chunk)
        if (packaging.isCut()) finish({ kind: 'cut' })
      }
    } catch (error) {
      // Also where the program was killed: then the run already has its end.
      finish(fail(error))
    }
  }
}

function setUpRun({ plan, start, tags, baseMs, clock, ...options }: EncoderRunOptions) {
  const feed = createTagFeed(start)
  const rungCount = plan.rungs.length
  const program = startProgram(options.ffmpegPath, buildEncoderArguments(plan, feed), {
    pipes: rungCount,
    limits: PROGRAM_LIMITS.encoder,
  })
  const { leastMs, outputs } = options
  const measureDelayMs = () => tags.measureDelayMs(baseMs)
  const times = { startMs: start.startMs, baseMs, leastMs, measureDelayMs }
  const packaging = createRunPackaging({ rungCount, ...times, outputs, clock })
  const hang = createHangWatch(start.startMs, clock)
  const write = (tag: FlvTag): Promise<void> => {
    hang.noteFed(tag.timestampMs)
    return program.write(feed.encode(tag))
  }
  return { feed, program, packaging, hang, write }
}

function fail(error: unknown): RunEnd {
  return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
}
