import type { FailedFetch } from '../../platform/http.ts'
import { isMpd } from '../dash/decode-mpd.ts'
import { fetchRendition, type RenditionFetchOptions } from '../dash/fetch-rendition.ts'
import { createFailedFetch, fetchPlaylist } from '../playlist/fetch-playlist.ts'
import { rankRenditions } from '../playlist/master-playlist.ts'
import { identifyRendition } from '../playlist/rendition-identity.ts'
import type {
  MediaPlaylistFetch,
  RenditionChoice,
  StreamPlaylist,
  StreamRendition,
  StreamResolution,
  StreamSegment,
  StreamSource,
} from '../stream.ts'

/**
 * Fetches a source's first playlists. A master playlist or an MPD leads to its renditions. Where the best of them cannot
 * be watched, others are tried. A stream of which every rendition has ended is an archive.
 */
export async function locateRenditions(
  source: StreamSource,
  options: RenditionFetchOptions,
  signal: AbortSignal,
): Promise<StreamResolution | FailedFetch> {
  const [first] = source.renditions
  if (first === undefined) return createFailedFetch('there is no rendition')
  const fetched = await fetchListed(first, options, signal)
  const known: KnownPlaylists = new Map()
  if (fetched.kind !== 'choices') known.set(identifyRendition(first), fetched)
  const choices = fetched.kind === 'choices' ? fetched.choices : (source.choices ?? [source.renditions])
  const chosen = await findBestChoice(choices, known, { options, signal })
  if (chosen === null) return createFailedFetch('there is no rendition')
  return classifyChoice(chosen, choices.length > 1 ? { ...source, choices } : source)
}

/** Creates the answer about a stream that has not begun, as its playlist says by `problem`. */
export function createUpcoming(problem: string): StreamResolution {
  return { kind: 'upcoming', releaseAtMs: null, title: null, problem }
}

/** What is behind a URL: the playlist of one rendition, or all renditions of a stream. */
type ListedStream = MediaPlaylistFetch | { readonly kind: 'choices'; readonly choices: readonly RenditionChoice[] }

async function fetchListed(
  rendition: StreamRendition,
  options: RenditionFetchOptions,
  signal: AbortSignal,
): Promise<ListedStream> {
  const fetched = await fetchPlaylist(options, rendition, signal)
  if (fetched.kind === 'media') return { ...fetched, kind: 'ok' }
  if (fetched.kind === 'master') return { kind: 'choices', choices: rankRenditions(fetched.master) }
  if (fetched.kind === 'failed') return fetched
  const { answer, failure } = fetched
  if (!isMpd(answer.bytes, answer.headers)) return failure
  const choices = await options.dash.findChoices(rendition.url, answer, signal)
  return 'kind' in choices ? choices : { kind: 'choices', choices }
}

/** Playlists that were fetched, by the identity of their rendition: those of several choices are fetched once. */
type KnownPlaylists = Map<string, MediaPlaylistFetch>

/** Most playlists that are fetched to find a choice, and the time after which no other is tried, in ms. */
const MAX_TRIED_PLAYLISTS = 16
const MAX_TRYING_MS = 60_000

/** A choice whose playlists were fetched. */
type TriedChoice = {
  readonly renditions: RenditionChoice
  readonly fetched: readonly MediaPlaylistFetch[]
  /** The best choice, where this is another one. */
  readonly insteadOf: TriedChoice | null
}

/** Returns the first choice that can be watched whole, else the most watchable one that was tried; `null` without any. */
async function findBestChoice(
  choices: readonly RenditionChoice[],
  known: KnownPlaylists,
  { options, signal }: { readonly options: RenditionFetchOptions; readonly signal: AbortSignal },
): Promise<TriedChoice | null> {
  const beganMs = performance.now()
  let first: TriedChoice | null = null
  let best: TriedChoice | null = null
  for (const renditions of choices) {
    const fetched = await Promise.all(renditions.map((each) => fetchOnce(each, known, { options, signal })))
    const tried: TriedChoice = { renditions, fetched, insteadOf: first }
    first ??= tried
    if (best === null || rankTried(tried) < rankTried(best)) best = tried
    if (rankTried(best) === 0 || signal.aborted) break
    if (known.size >= MAX_TRIED_PLAYLISTS || performance.now() - beganMs >= MAX_TRYING_MS) break
  }
  return best
}

async function fetchOnce(
  rendition: StreamRendition,
  known: KnownPlaylists,
  { options, signal }: { readonly options: RenditionFetchOptions; readonly signal: AbortSignal },
): Promise<MediaPlaylistFetch> {
  const key = identifyRendition(rendition)
  const fetched = known.get(key) ?? (await fetchRendition(options, rendition, signal))
  known.set(key, fetched)
  return fetched
}

/** What a playlist says about its rendition, the most watchable first. */
const PLAYLIST_STATES = ['live', 'empty', 'ended', 'failed'] as const

function judgePlaylist(fetched: MediaPlaylistFetch | undefined): (typeof PLAYLIST_STATES)[number] {
  if (fetched?.kind !== 'ok') return 'failed'
  if (fetched.playlist.isEnded) return 'ended'
  return fetched.playlist.segments.length > 0 ? 'live' : 'empty'
}

/** Ranks a choice, 0 for one that can be watched whole: by its picture first, which is watched without its sound too. */
function rankTried({ fetched }: TriedChoice): number {
  const [picture = 0, ...others] = fetched.map((each) => PLAYLIST_STATES.indexOf(judgePlaylist(each)))
  return picture * PLAYLIST_STATES.length + Math.max(0, ...others)
}

function classifyChoice(chosen: TriedChoice, source: StreamSource): StreamResolution | FailedFetch {
  const { renditions, fetched, insteadOf } = chosen
  const [first] = fetched
  if (first === undefined) return createFailedFetch('there is no rendition')
  if (first.kind === 'failed') return first
  const problem = insteadOf === null ? {} : { problem: describeProblem(insteadOf) }
  return classifyPlaylist(first.playlist, { ...source, renditions, ...problem })
}

function describeProblem({ fetched }: TriedChoice): string {
  const faulty = fetched.find((each) => judgePlaylist(each) !== 'live')
  if (faulty?.kind === 'failed') {
    const { message } = faulty.failure
    return `the playlist of the best rendition cannot be fetched, another one is watched: ${message}`
  }
  const what = faulty?.playlist.isEnded === true ? 'has ended' : 'has no segment'
  return `the playlist of the best rendition ${what}, another one is watched`
}

function findNewestTime(newest: StreamSegment | undefined): { readonly newestMs?: number } {
  const startMs = newest?.programDateTimeMs ?? null
  return newest === undefined || startMs === null ? {} : { newestMs: startMs + newest.durationSec * 1000 }
}

function classifyPlaylist({ isEnded, segments }: StreamPlaylist, source: StreamSource): StreamResolution {
  if (isEnded) return { kind: 'ended', reason: 'endlist_detected', source, ...findNewestTime(segments.at(-1)) }
  const hasBegun = segments.length > 0 || source.by !== 'direct'
  return hasBegun ? { kind: 'live', source } : createUpcoming('the playlist has no segment')
}
