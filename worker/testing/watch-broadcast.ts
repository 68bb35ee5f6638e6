import type { MonitorEvent } from '../../shared/contract/monitors.ts'
import { createLog } from '../../shared/log.ts'
import type { SegmentProbe } from '../monitors/analyze/analyze-segment.ts'
import type { MonitorContext, StreamClient } from '../monitors/monitor-context.ts'
import { parsePlaylist } from '../monitors/playlist/parse-playlist.ts'
import { INITIAL_POLL_RESULT, type PollResult, pollRendition } from '../monitors/playlist/poll-rendition.ts'
import { afterObservation } from '../monitors/state/after-observation.ts'
import { INITIAL_STATE, type MonitorState } from '../monitors/state/monitor-state.ts'
import type { SegmentFetch } from '../monitors/stream.ts'
import { CONFIG, live, START_MS } from './monitor-scenario.ts'

const TARGET_SEC = 2
const STREAM_URL = 'http://cdn.test/live.m3u8'
/** Segments that exist at the start. */
const FIRST_SEGMENTS = 3
/** Time that an answer takes, in ms. */
const ANSWER_MS = 50

/** The answer with a segment; its bytes are replaced by those of the requested segment. */
export const MEDIA = { kind: 'ok', bytes: Buffer.from('media'), isTruncated: false, map: null } as const

/** A broadcast of numbered segments. */
export type WatchedBroadcast = {
  /** Segments that the playlist holds at most. */
  readonly window: number
  /** Returns the number of a segment in the playlist: its own by default. */
  readonly numberOf?: (n: number) => number
  /** Lines before a segment, at a time in seconds after the start. */
  readonly tags?: (n: number, sec: number) => string
  /** The playlist has no EXT-X-MEDIA-SEQUENCE. */
  readonly isUnnumbered?: boolean
  /** Returns the reference of a segment, which holds its number in the end or as `n`. */
  readonly urlOf?: (n: number, sec: number) => string
  /** Time after which there are no more segments. */
  readonly untilSec?: number
  /** Seconds between two renewals of the playlist, one segment by default. */
  readonly renewalSec?: number
  readonly fetchSegment?: (n: number, sec: number) => SegmentFetch
  /** The timestamps of the media go on from segment to segment. */
  readonly hasClock?: boolean
  /** Black segments. */
  readonly black?: readonly [from: number, until: number]
  readonly sec?: number
}

/** The time of a broadcast, in ms since 1970. */
type BroadcastTime = { nowMs: number }

const toSec = ({ nowMs }: BroadcastTime) => (nowMs - START_MS) / 1000

/** Watches a broadcast with a segment every two seconds. Time is the broadcast's own: nothing is waited for. */
export async function watchBroadcast(broadcast: WatchedBroadcast) {
  const time: BroadcastTime = { nowMs: START_MS }
  const events: (Pick<MonitorEvent, 'event_type'> & { readonly atSec: number })[] = []
  const [asked, analyzed]: [number[], number[]] = [[], []]
  let [state, last]: [MonitorState, PollResult] = [INITIAL_STATE, INITIAL_POLL_RESULT]
  const observe: MonitorContext['monitor']['observe'] = (observation) => {
    const after = afterObservation(state, observation, CONFIG)
    state = after.state
    events.push(...after.events.map(({ event_type }) => ({ event_type, atSec: toSec(time) })))
  }
  const never = new AbortController().signal
  const context: MonitorContext = {
    monitor: { state: () => state, observe },
    config: CONFIG,
    client: createClient(broadcast, time, asked),
    clock: { nowMs: () => time.nowMs },
    lifetime: { stopping: never, killed: never },
    log: createLog('test', 'error', () => {}),
  }
  const probe = createProbe(broadcast, analyzed)
  observe(live(START_MS))
  while (toSec(time) < (broadcast.sec ?? 60)) {
    time.nowMs = Math.max(time.nowMs, last.dueMs)
    last = await pollRendition(
      { rendition: { url: STREAM_URL, tracks: 'both' }, probe, confirm: async () => true, last },
      context,
    )
  }
  const timesOf = (type: string) => events.filter((event) => event.event_type === type).map((event) => event.atSec)
  const { segments_failed: failed, segments_skipped: skipped } = state.statistics
  return { analyzed, asked, failed, skipped, timesOf }
}

/** Returns the playlist at a time. */
function listSegments(broadcast: WatchedBroadcast, sec: number): string {
  const { window, tags, numberOf, urlOf, isUnnumbered, untilSec = Infinity, renewalSec = TARGET_SEC } = broadcast
  const count = FIRST_SEGMENTS + (renewalSec / TARGET_SEC) * Math.floor(Math.min(sec, untilSec) / renewalSec)
  const first = Math.max(0, count - window)
  const lines = Array.from({ length: count - first }, (_, i) => first + i).map(
    (n) => `${tags?.(n, sec) ?? ''}#EXTINF:${TARGET_SEC},\n${urlOf?.(n, sec) ?? `${n}.ts`}\n`,
  )
  const number = isUnnumbered === true ? [] : [`#EXT-X-MEDIA-SEQUENCE:${numberOf?.(first) ?? first}`]
  const head = ['#EXTM3U', `#EXT-X-TARGETDURATION:${TARGET_SEC}`, ...number]
  return `${head.join('\n')}\n${lines.join('')}`
}

function createClient(broadcast: WatchedBroadcast, time: BroadcastTime, asked: number[]): StreamClient {
  return {
    resolve: () => Promise.reject(new Error('not called')),
    async fetchPlaylist() {
      const parsed = parsePlaylist(listSegments(broadcast, toSec(time)), { url: STREAM_URL })
      if (parsed.kind !== 'media') throw new Error(parsed.kind)
      return { kind: 'ok', playlist: parsed.playlist, bytes: 1000 }
    },
    async fetchSegment({ url }) {
      const n = Number(/(?:n=(\d+)|(\d+)\.ts)$/.exec(url)?.slice(1).join(''))
      asked.push(n)
      time.nowMs += ANSWER_MS
      const fetched = broadcast.fetchSegment?.(n, toSec(time)) ?? MEDIA
      return fetched === MEDIA ? { ...MEDIA, bytes: Buffer.from(`media ${n}`) } : fetched
    },
    renewInit: async () => null,
  }
}

/** Creates a probe that finds black where the broadcast has it, and fails for what is no media. */
function createProbe({ black = [0, 0], hasClock = false }: WatchedBroadcast, analyzed: number[]): SegmentProbe {
  return {
    async analyze({ bytes }) {
      const text = /^media (\d+)$/.exec(String(bytes))?.[1]
      if (text === undefined) return { kind: 'failed', error: 'segment is no media' }
      const n = Number(text)
      const follows = hasClock && analyzed.at(-1) === n - 1
      analyzed.push(n)
      const isBlack = n >= black[0] && n < black[1]
      const picture = {
        kind: 'present',
        spans: isBlack ? { blackout: [{ fromSec: 0, toSec: TARGET_SEC }] } : {},
      } as const
      const findings = { picture, sound: { kind: 'present', spans: {} } } as const
      return { kind: 'analyzed', durationSec: TARGET_SEC, follows, pictures: 1, findings }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}
