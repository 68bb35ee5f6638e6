import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { Log } from '../../shared/log.ts'
import type { Clock } from '../platform/clock.ts'
import type { Lifetime } from '../platform/lifetime.ts'
import { chooseSegments } from './backlog.ts'
import { download } from './download.ts'
import { isStill } from './flow.ts'
import { newSegments, type Position } from './position.ts'
import type { Probe } from './probe.ts'
import { pollAfterFailureMs, pollAfterMs } from './polling.ts'
import type { FetchTrouble, MediaPlaylist, Rendition, Segment } from './snapshot.ts'
import type { StreamSource } from './source.ts'
import type { MonitorState, Observation, Place } from './state.ts'

/** The monitor as the loop sees it: what it knows, and where what is seen goes. */
export type Monitor = {
  state(): MonitorState
  observe(observation: Observation): void
}

export type Watching = {
  readonly monitor: Monitor
  readonly config: MonitorConfig
  readonly source: StreamSource
  readonly clock: Clock
  readonly lifetime: Pick<Lifetime, 'stopping' | 'killed'>
  readonly log: Log
}

/** A rendition that is being followed, and how its last turn went. */
export type Follower = { readonly rendition: Rendition; readonly probe: Probe; readonly turn: Turn }
export type Turn = {
  /** When the playlist is to be fetched again, in ms since 1970. */
  readonly dueMs: number
  /** Fetches of the playlist that have failed in a row. */
  readonly failures: number
  /** The playlist's URL answers no more: 403, 404 or 410. */
  readonly isUrlDead: boolean
  /** The last fetch had nothing new. */
  readonly isWaiting: boolean
  /** Everything before the playlist's EXT-X-ENDLIST has been looked at. */
  readonly isOver: boolean
  /** Analysis took longer than until the next fetch was due. */
  readonly isLate: boolean
  /** What the probe saw before does not go on in the next segment: one was not looked at, or the stream stood still. */
  readonly isBroken: boolean
}

export const FIRST_TURN: Turn = {
  dueMs: -Infinity,
  failures: 0,
  isUrlDead: false,
  isWaiting: false,
  isOver: false,
  isLate: false,
  isBroken: false,
}

/** Fetches a rendition's playlist and looks at its new segments, one after the other; begins none once stopping. */
export async function takeTurn(follower: Follower, watching: Watching): Promise<Turn> {
  const { rendition, turn } = follower
  const { monitor, source, clock, lifetime, log } = watching
  const { sides } = rendition
  const beganMs = clock.nowMs()
  const fetched = await source.playlist(rendition, lifetime.stopping)
  const atMs = clock.nowMs()
  if (lifetime.stopping.aborted) return turn
  if (fetched.kind === 'trouble') {
    const error = fetched.trouble.message
    if (turn.failures === 0) log.warn('playlist failed, trying on', { sides, error })
    monitor.observe({ kind: 'playlist_failed', atMs, beganMs, sides, error })
    return afterFailure(turn, fetched.trouble, atMs)
  }
  if (turn.failures > 0) log.info('playlist fetched again', { sides, failures: turn.failures })
  const { playlist, bytes } = fetched
  const { phase, positions } = monitor.state()
  const before = positions[sides] ?? null
  const hasStood = phase.kind === 'monitoring' && isStill(phase.flow, sides)
  const progress = newSegments(playlist, before)
  const [first] = progress.fresh
  const firstStartMs = first === undefined ? null : streamTimeMs(first, playlist, atMs)
  const { targetDurationSec, ended: isEnded } = playlist
  monitor.observe({ kind: 'playlist', atMs, sides, targetDurationSec, firstStartMs, isEnded })
  const isBroken = await lookAt({ playlist, before, hasStood, ...progress, atMs }, follower, watching)
  const hasNew = first !== undefined
  const dueMs = atMs + pollAfterMs({ playlist, hasNew, wasWaitedFor: turn.isWaiting, bytes }, watching.config)
  const isOver = isEnded && !lifetime.stopping.aborted
  const isLate = clock.nowMs() > dueMs
  return { dueMs, failures: 0, isUrlDead: false, isWaiting: !hasNew, isOver, isLate, isBroken }
}

function afterFailure(turn: Turn, { status }: FetchTrouble, atMs: number): Turn {
  const failures = turn.failures + 1
  const isUrlDead = status === 403 || status === 404 || status === 410
  return { ...turn, failures, isUrlDead, dueMs: atMs + pollAfterFailureMs(failures, Math.random) }
}

/** What a playlist has brought since the position before. */
type News = {
  readonly playlist: MediaPlaylist
  readonly before: Position | null
  readonly fresh: readonly Segment[]
  readonly skipped: number
  /** It stood still until now. */
  readonly hasStood: boolean
  readonly atMs: number
}

/** Looks at what is new; says whether the last of it could not be looked at. */
async function lookAt(news: News, follower: Follower, watching: Watching): Promise<boolean> {
  const { playlist, before, fresh } = news
  const { monitor, config, lifetime, clock, log } = watching
  const { sides } = follower.rendition
  const isOverrun = news.skipped > 0 && follower.turn.isLate
  const { segments, passed } = chooseSegments(fresh, config, isOverrun)
  const count = news.skipped + passed
  if (count > 0 && before !== null) {
    const position = positionAfter(fresh[passed - 1], playlist, before) ?? before
    monitor.observe({ kind: 'skipped', atMs: clock.nowMs(), place: { sides, position }, count })
    log.warn('segments passed over', { sides, missed: news.skipped, passed, is_overrun: isOverrun })
  }
  let isBroken = follower.turn.isBroken || news.hasStood || count > 0
  for (const segment of segments) {
    const next = positionAfter(segment, playlist, before)
    if (lifetime.stopping.aborted || next === null) break
    const startMs = streamTimeMs(segment, playlist, news.atMs)
    const look = { place: { sides, position: next }, startMs, isBroken, probe: follower.probe }
    isBroken = !(await lookAtSegment(segment, look, watching))
  }
  return isBroken
}

/** The position once a segment has been seen: that of the playlist as it stood when this was its newest. */
function positionAfter(
  segment: Segment | undefined,
  playlist: MediaPlaylist,
  before: Position | null,
): Position | null {
  const end = segment === undefined ? 0 : playlist.segments.indexOf(segment) + 1
  return newSegments({ ...playlist, segments: playlist.segments.slice(0, end) }, before).position
}

/** When a segment's first frame went out: its program date-time, else its distance from the live edge says. */
function streamTimeMs(segment: Segment, playlist: MediaPlaylist, seenAtMs: number): number {
  if (segment.programDateTimeMs !== null) return segment.programDateTimeMs
  const toEdge = playlist.segments.slice(playlist.segments.indexOf(segment))
  return seenAtMs - toEdge.reduce((sum, { durationSec }) => sum + durationSec * 1000, 0)
}

type Look = {
  readonly place: Place
  readonly startMs: number
  readonly isBroken: boolean
  readonly probe: Probe
}

/** Downloads and analyses a segment, and observes what came of it; says whether it has been seen. */
async function lookAtSegment(segment: Segment, look: Look, watching: Watching): Promise<boolean> {
  const { monitor, source, lifetime, clock, log } = watching
  const { place, startMs, probe } = look
  const { durationSec, sequence } = segment
  const which = { sequence, durationSec, isDated: segment.programDateTimeMs !== null }
  const beganMs = clock.nowMs()
  const fail = (error: string) => {
    log.warn('segment failed', { sequence, sides: place.sides, error })
    monitor.observe({ kind: 'segment_failed', atMs: clock.nowMs(), beganMs, place, error })
    return false
  }
  const fetched = await download(segment, {
    source,
    clock,
    stopping: lifetime.stopping,
    onFailedTry: (failure) =>
      monitor.observe({ kind: 'try_failed', atMs: clock.nowMs(), sides: place.sides, ...failure }),
  })
  if (lifetime.stopping.aborted) return false
  if (fetched.kind === 'trouble') return fail(fetched.trouble.message)
  const { bytes, map, isCut } = fetched
  if (isCut)
    log.warn('segment is larger than SEGMENT_MAX_BYTES; judged by its beginning', { sequence, sides: place.sides })
  const fetchedMs = clock.nowMs()
  const analysed = await probe.analyse(
    { bytes, map, durationSec, sides: place.sides, isBroken: look.isBroken },
    lifetime.killed,
  )
  if (lifetime.killed.aborted) return false
  if (analysed.kind === 'failed') return fail(analysed.error)
  const atMs = clock.nowMs()
  const { findings } = analysed
  monitor.observe({ kind: 'segment', atMs, place, segment: { ...which, startMs }, findings })
  const took = { fetch_ms: fetchedMs - beganMs, analysis_ms: atMs - fetchedMs }
  log.debug('segment analysed', { sequence, sides: place.sides, bytes: bytes.length, ...took, findings })
  return true
}
