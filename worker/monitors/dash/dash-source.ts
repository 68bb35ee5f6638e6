/**
 * Fetches MPDs, and shows each of their representations as a media playlist. One MPD serves all of its renditions: it is
 * fetched again when a poll finds it older than what its update period allows.
 */

import { createHash } from 'node:crypto'

import type { FailedFetch, Fetcher } from '../../platform/http.ts'
import { decodeManifest } from '../playlist/decode-manifest.ts'
import { createFailedFetch, type FetchedResource } from '../playlist/fetch-playlist.ts'
import { MAX_PLAYLIST_BYTES } from '../playlist/parse-playlist.ts'
import type { MediaPlaylistFetch, RenditionChoice, RepresentationChoice, StreamRendition } from '../stream.ts'
import { createIndexCache, type IndexCache } from './index-cache.ts'
import { listIndexes, listSegments } from './list-segments.ts'
import type { Mpd } from './mpd.ts'
import { createSegmentNumbering, type SegmentNumbering } from './number-segments.ts'
import { rankChanged, rankChoices } from './rank-representations.ts'
import { parseMpd } from './read-mpd.ts'
import { createServerClock, readDate, type ServerClock } from './server-clock.ts'
import { isComputed, toPlaylist } from './to-playlist.ts'
import { createUpdatePace, type UpdatePace } from './update-pace.ts'

export type DashOptions = {
  readonly fetcher: Fetcher
  readonly timeouts: { readonly manifestMs: number }
  readonly nowMs: () => number
}

/** Access to the presentations of one stream. It remembers what the next fetch of an MPD continues. */
export type DashSource = {
  /** Ranks the renditions of an MPD whose answer was just fetched from `url`. */
  findChoices(
    url: string,
    answer: FetchedResource,
    signal: AbortSignal,
  ): Promise<readonly RenditionChoice[] | FailedFetch>
  /** Fetches the segments of a representation, in one attempt. */
  fetchPlaylist(
    rendition: StreamRendition,
    representation: RepresentationChoice,
    signal: AbortSignal,
  ): Promise<MediaPlaylistFetch>
}

/** Presentations that are remembered: a page that is resolved again has another URL for the same one. */
const MAX_PRESENTATIONS = 4

/** Creates access without any presentation. */
export function createDashSource(options: DashOptions): DashSource {
  const presentations = new Map<string, Presentation>()

  function open(url: string): Presentation {
    const known = presentations.get(url) ?? createPresentation(url, options)
    presentations.delete(url)
    presentations.set(url, known)
    for (const oldest of [...presentations.keys()].slice(0, -MAX_PRESENTATIONS)) presentations.delete(oldest)
    return known
  }

  return {
    async findChoices(url, answer, signal) {
      const presentation = open(url)
      const fetched = acceptAnswer(presentation, answer, options.nowMs())
      if (fetched.kind === 'failed') return fetched
      const choices = rankChoices(fetched.mpd, url, await readTime(presentation, fetched, signal))
      return choices.length > 0 ? choices : createFailedFetch('the MPD has no picture and no sound that can be read')
    },
    async fetchPlaylist(rendition, representation, signal) {
      const presentation = open(rendition.url)
      const fetched = await fetchMpd(presentation, options, signal)
      if (fetched.kind === 'failed') return fetched
      return await readPlaylist(presentation, { fetched, rendition, representation, signal })
    },
  }
}

/** What is remembered of a presentation. */
type Presentation = {
  readonly url: string
  readonly clock: ServerClock
  readonly indexes: IndexCache
  readonly histories: Map<string, RepresentationHistory>
  location: string | null
  last: FetchedMpd | null
  /** When an MPD was fetched that was not older than the one before it, in ms. */
  currentMs: number
  /** availabilityStartTime, which an MPD that becomes static may no longer have. */
  startMs: number | null
  pending: { readonly signal: AbortSignal; readonly fetched: Promise<FetchedMpd | FailedFetch> } | null
}

/** `atMs`: when it was fetched. `bytes`: its size, 0 where it was not fetched again. */
type FetchedMpd = {
  readonly kind: 'ok'
  readonly mpd: Mpd
  readonly digest: string
  readonly bytes: number
  readonly atMs: number
  readonly dateMs: number | null
}

function createPresentation(url: string, { fetcher, nowMs }: DashOptions): Presentation {
  return {
    url,
    clock: createServerClock(fetcher, nowMs),
    indexes: createIndexCache(fetcher),
    histories: new Map(),
    location: null,
    last: null,
    currentMs: 0,
    startMs: null,
    pending: null,
  }
}

/** An MPD serves the polls of this time, in ms: those of both renditions at once, and where the time alone decides. */
const SHARED_MS = 250
const MAX_REUSE_MS = 5000

/** Returns the MPD: the last one while it may be used again, or else as it is now. */
async function fetchMpd(
  presentation: Presentation,
  options: DashOptions,
  signal: AbortSignal,
): Promise<FetchedMpd | FailedFetch> {
  const { last, pending } = presentation
  if (last !== null && options.nowMs() - last.atMs < reuseMs(last.mpd)) return { ...last, bytes: 0 }
  if (pending !== null && pending.signal === signal) return await pending.fetched
  const fetched = fetchAnew(presentation, options, signal)
  presentation.pending = { signal, fetched }
  try {
    return await fetched
  } finally {
    if (presentation.pending?.fetched === fetched) presentation.pending = null
  }
}

function reuseMs(mpd: Mpd): number {
  if (!mpd.isDynamic || !isComputed(mpd)) return SHARED_MS
  return Math.max(SHARED_MS, Math.min((mpd.updateSec ?? Infinity) * 1000, MAX_REUSE_MS))
}

async function fetchAnew(
  presentation: Presentation,
  options: DashOptions,
  signal: AbortSignal,
): Promise<FetchedMpd | FailedFetch> {
  const get = (url: string) =>
    options.fetcher.get(url, { timeoutMs: options.timeouts.manifestMs, maxBytes: MAX_PLAYLIST_BYTES, signal })
  const { location, url } = presentation
  const moved = location === null ? null : await get(location)
  // A Location that does not answer is left: the first URL leads to the next one.
  if (moved?.kind === 'failed') presentation.location = null
  const answer = moved?.kind === 'ok' ? moved : await get(url)
  return answer.kind === 'failed' ? answer : acceptAnswer(presentation, answer, options.nowMs())
}

/** Parses an answer, unless it is the last one again, and remembers it. */
function acceptAnswer(presentation: Presentation, answer: FetchedResource, atMs: number): FetchedMpd | FailedFetch {
  const { last } = presentation
  const { bytes: body, url } = answer
  const digest = createHash('sha256').update(url).update('\n').update(body).digest('base64')
  const parsed =
    last?.digest === digest ? ({ kind: 'ok', mpd: last.mpd } as const) : parseMpd(decodeManifest(body), url)
  if (parsed.kind === 'invalid') return createFailedFetch(`the answer ${parsed.reason}`)
  const { mpd } = parsed
  if (last !== null && isOlder(mpd, last.mpd) && atMs - presentation.currentMs < MAX_STALE_MS) {
    presentation.last = { ...last, bytes: body.length, atMs, dateMs: null }
    return presentation.last
  }
  presentation.currentMs = atMs
  const fetched: FetchedMpd = { kind: 'ok', mpd, digest, bytes: body.length, atMs, dateMs: readDate(answer.headers) }
  presentation.last = fetched
  presentation.location = mpd.location
  presentation.startMs = mpd.availabilityStartMs ?? presentation.startMs
  return fetched
}

/** A packager that publishes only older ones for this long has a clock that was set back, in ms. */
const MAX_STALE_MS = 30_000

/** Returns whether an MPD was made before another one of its presentation: caches that alternate serve old copies. */
function isOlder(mpd: Mpd, other: Mpd): boolean {
  if (mpd.publishedMs === null || other.publishedMs === null || !mpd.isDynamic) return false
  return mpd.availabilityStartMs === other.availabilityStartMs && mpd.publishedMs < other.publishedMs
}

/** Returns the server's time in seconds on the presentation's time line; `null` for a static one. */
async function readTime(
  { clock, startMs }: Presentation,
  { mpd, dateMs, atMs }: FetchedMpd,
  signal: AbortSignal,
): Promise<number | null> {
  if (!mpd.isDynamic || startMs === null) return null
  await clock.synchronize(mpd.timings, { dateMs, atMs }, signal)
  return (clock.nowMs() - startMs) / 1000
}

type PlaylistRequest = {
  readonly fetched: FetchedMpd
  readonly rendition: StreamRendition
  readonly representation: RepresentationChoice
  readonly signal: AbortSignal
}

async function readPlaylist(
  presentation: Presentation,
  { fetched, rendition, representation, signal }: PlaylistRequest,
): Promise<MediaPlaylistFetch> {
  const { mpd, bytes } = fetched
  const nowSec = await readTime(presentation, fetched, signal)
  for (const index of listIndexes(mpd, representation, nowSec)) {
    const failure = await presentation.indexes.load(index, signal)
    if (failure !== null) return failure
  }
  const listed = listSegments(mpd, representation, nowSec, presentation.indexes.get)
  const { startMs } = presentation
  const { numbering, pace } = historyOf(presentation, representation)
  const numbers = numbering.number(listed, startMs)
  const paceSec = pace.note(numbers.at(-1) ?? null, fetched.atMs)
  const choices = rankChanged(mpd, { ...rendition, representation }, listed.at(-1)?.periodKey)
  const playlist = toPlaylist({ mpd, listed, numbers, startMs, nowSec, paceSec })
  return { kind: 'ok', playlist, bytes, ...(choices === null ? {} : { choices }) }
}

/** What is remembered of a representation from fetch to fetch. */
type RepresentationHistory = { readonly numbering: SegmentNumbering; readonly pace: UpdatePace }

/** Representations that are remembered. */
const MAX_HISTORIES = 32

function historyOf({ histories }: Presentation, { id, tracks }: RepresentationChoice): RepresentationHistory {
  const key = `${tracks} ${id}`
  const history = histories.get(key) ?? { numbering: createSegmentNumbering(), pace: createUpdatePace() }
  histories.delete(key)
  histories.set(key, history)
  for (const oldest of [...histories.keys()].slice(0, -MAX_HISTORIES)) histories.delete(oldest)
  return history
}
