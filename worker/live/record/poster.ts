import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { Log } from '../../../shared/log.ts'
import type { Clock } from '../../platform/clock.ts'
import { runProgram } from '../../platform/run-program.ts'
import type { Store } from '../../stores/store.ts'

/** Makes pictures of the broadcast now and then. */
export type PosterMaker = {
  /** Makes a picture of this key frame if the last one is old enough. `media`: initialization segment and first part. */
  consider(media: readonly Buffer[]): void
}

export type PosterOptions = {
  readonly ffmpegPath: string
  readonly store: Store
  /** Folder of the broadcast in the store. */
  readonly folder: string
  readonly scratchDir: string
  readonly epoch: number
  readonly onStored: (poster: number) => void
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

const INTERVAL_MS = 30_000
const TIMEOUT_MS = 10_000
/** The longest side of a picture. */
const MAX_SIDE = 640
const POSTER_FILTERS = [
  `scale='min(${MAX_SIDE},iw)':'min(${MAX_SIDE},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2`,
  'format=yuvj420p',
].join(',')
/** Posters of an epoch: more than a broadcast of 12 hours has. */
const POSTERS_PER_EPOCH = 10_000
const HEADERS = { contentType: 'image/jpeg', cacheControl: 'public, max-age=31536000, immutable' }

/** Creates the maker of an epoch. Numbers grow over all epochs, because a stored picture is never replaced. */
export function createPosterMaker(options: PosterOptions): PosterMaker {
  const { clock, log, signal } = options
  let dueMs = -Infinity
  let isBusy = false
  let made = 0

  async function make(media: readonly Buffer[]): Promise<void> {
    const number = options.epoch * POSTERS_PER_EPOCH + made
    const path = join(options.scratchDir, `poster-${number}.jpg`)
    try {
      if (!(await writePoster(options, media, path))) return
      await options.store.put(keyOf(options, number), path, HEADERS, signal)
      made += 1
      options.onStored(number)
      // Readers may still have the previous one.
      if (made > 2) await options.store.remove([keyOf(options, number - 2)], signal)
    } catch (error) {
      log.warn('poster not stored', { error })
    } finally {
      await rm(path, { force: true })
    }
  }

  return {
    consider: (media) => {
      if (isBusy || clock.nowMs() < dueMs || signal.aborted) return
      isBusy = true
      dueMs = clock.nowMs() + INTERVAL_MS
      void make(media).finally(() => (isBusy = false))
    },
  }
}

function keyOf({ folder }: PosterOptions, number: number): string {
  return `${folder}poster-${number}.jpg`
}

/** Writes the first frame of the media as a JPEG; returns whether that worked. */
async function writePoster(options: PosterOptions, media: readonly Buffer[], path: string): Promise<boolean> {
  const args = [
    ['-nostdin', '-v', 'error', '-y', '-threads', '1', '-protocol_whitelist', 'pipe', '-f', 'mp4', '-i', 'pipe:0'],
    ['-an', '-frames:v', '1', '-vf', POSTER_FILTERS, '-q:v', '4'],
    ['-f', 'image2', '-update', '1', `file:${path}`],
  ]
  const run = { timeoutMs: TIMEOUT_MS, signal: options.signal, input: media }
  const result = await runProgram(options.ffmpegPath, args.flat(), run)
  const isMade = result.kind === 'exited' && result.code === 0
  if (!isMade && result.kind !== 'aborted') options.log.warn('poster not made', { result })
  return isMade
}
