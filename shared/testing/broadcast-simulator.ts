import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { basename } from 'node:path'

import { createBroadcastClock, type BroadcastClock } from './broadcast-clock.ts'
import { deriveKey, encryptSegment, keyNumberOf } from './encrypted-segments.ts'
import { findEdgeIndex, formatLivePlaylist, formatMasterPlaylist, findSegmentStartSec } from './live-playlist.ts'
import { sendFaultyResponse, startLocalServer, type FaultyResponse } from './local-server.ts'
import type { Clip } from './clips.ts'
import { createViewerPace, type ViewerPace } from './viewer-pace.ts'

export type BroadcastSimulatorOptions = {
  /**
   * Whether segments are published by the clock, which is the default, or as fast as the viewer requests them. The
   * date-times are then those of a clip whose last second was published at the first request.
   */
  readonly pace?: 'clock' | 'viewer'
  /** EXT-X-TARGETDURATION; a stream is still after two of them without a new segment. The clip's by default. */
  readonly targetDurationSec?: number
  /** Segments in a playlist; 5 by default. */
  readonly windowSegments?: number
  /** Segments that are published before the first request; 3 by default. */
  readonly leadSegments?: number
  /** Whether playlists have EXT-X-PROGRAM-DATE-TIME; true by default. */
  readonly programDateTime?: boolean
  /** Whether playlists have EXT-X-MEDIA-SEQUENCE; true by default. */
  readonly mediaSequence?: boolean
  /** Whether the playlist ends with EXT-X-ENDLIST after the last segment; true by default. */
  readonly endlist?: boolean
  /** Whether segments are encrypted with AES-128, with another key after four of them; false by default. */
  readonly isEncrypted?: boolean
  /** The sound as a separate rendition, which the master playlist lists. */
  readonly sound?: Clip
}

export type BroadcastFaultTarget = 'master' | 'playlist' | 'segment'

/**
 * A fault. `html`: a page instead of the file. `empty`, `truncated`: no byte or half of the file, in a valid response.
 * `cut`: the connection breaks after half of the file. `backwards`: the playlist of three segments ago.
 */
export type BroadcastFault = FaultyResponse | 'html' | 'empty' | 'truncated' | 'cut' | 'backwards'

/** Number of requests by kind of file; in `distinctSegments`, a segment that is requested again counts once. */
export type RequestCounts = Readonly<Record<BroadcastFaultTarget | 'distinctSegments', number>>

export type BroadcastSimulator = AsyncDisposable &
  Pick<BroadcastClock, 'startedAtMs' | 'wallOf'> & {
    /** URL of the media playlist. */
    readonly url: string
    readonly masterUrl: string
    /** Injects a fault into every further request of this kind, or of one segment; `null` removes it. */
    fault(target: BroadcastFaultTarget | { readonly segment: number }, fault: BroadcastFault | null): void
    /** Stops the encoder: no new segment is published until `resume`, which continues where it stopped. */
    stall(): void
    resume(): void
    /** Restarts the encoder: with the next segment, after a discontinuity, the window and its sequence begin again. */
    restartSequence(): void
    /** At the viewer's pace: publishes this many segments, whether they have been requested or not. */
    advanceTo(segmentCount: number): void
    /** Ends the stream: EXT-X-ENDLIST after the segments published so far. */
    end(): void
    counts(): RequestCounts
  }

/** A file as the simulator serves it without a fault. */
type ServedFile = {
  readonly target: BroadcastFaultTarget
  readonly type: string
  readonly body: Buffer
  /** Index of a segment; −1 for the initialisation section. */
  readonly index?: number
}

type BroadcastState = {
  readonly faults: Map<BroadcastFaultTarget | number, BroadcastFault>
  readonly restartsSec: number[]
  /** `null`: by the clock. */
  readonly pace: ViewerPace | null
  endSec: number
}

const BACKWARDS_SEGMENTS = 3
const PLAYLIST_DEFAULTS = { windowSegments: 5, programDateTime: true, mediaSequence: true, endlist: true }

/**
 * Serves a clip as a live HLS stream with a sliding window, in real time, on 127.0.0.1. Its clock starts with the first
 * request of a media playlist. A segment's URL ends in its name in the clip.
 */
export async function startBroadcastSimulator(
  clip: Clip,
  options: BroadcastSimulatorOptions = {},
): Promise<BroadcastSimulator> {
  const { leadSegments = 3 } = options
  const pace = options.pace === 'viewer' ? createViewerPace(leadSegments) : null
  const clock = createBroadcastClock(findSegmentStartSec(clip, pace === null ? leadSegments : clip.segments.length))
  const state: BroadcastState = { faults: new Map(), restartsSec: [], pace, endSec: Infinity }
  const requests: { readonly target: BroadcastFaultTarget; readonly path: string }[] = []

  const server = await startLocalServer(async (request, response) => {
    const path = (request.url ?? '/').replace(/\?.*$/, '')
    const file = await findFile(path, { clip, options, clock, state })
    if (file !== null) requests.push({ target: file.target, path })
    sendFile(response, file, file === null ? null : findFault(file, state))
  })
  return {
    url: `${server.origin}/live.m3u8`,
    masterUrl: `${server.origin}/master.m3u8`,
    startedAtMs: clock.startedAtMs,
    wallOf: clock.wallOf,
    fault: (target, fault) => {
      const key = typeof target === 'string' ? target : target.segment
      if (fault === null) state.faults.delete(key)
      else state.faults.set(key, fault)
    },
    stall: (pace ?? clock).pause,
    resume: (pace ?? clock).resume,
    restartSequence: () => state.restartsSec.push(clock.mediaSec()),
    advanceTo: (segmentCount) => pace?.advanceTo(segmentCount),
    end: () => {
      pace?.pause()
      state.endSec = clock.mediaSec()
    },
    counts: () => countRequests(requests),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

type Broadcast = {
  readonly clip: Clip
  readonly options: BroadcastSimulatorOptions
  readonly clock: BroadcastClock
  readonly state: BroadcastState
}

async function findFile(path: string, broadcast: Broadcast): Promise<ServedFile | null> {
  const { clip, options } = broadcast
  if (path === '/master.m3u8') return toPlaylistFile('master', formatMasterPlaylist(options.sound !== undefined))
  const [, folder, rest = ''] = /^\/(live|sound)(?:\.m3u8|\/(.+))$/.exec(path) ?? []
  const track = { live: clip, sound: options.sound }[folder ?? '']
  if (folder === undefined || track === undefined) return null
  if (rest === '') return toPlaylistFile('playlist', formatWindow(track, folder, broadcast))
  const [, key] = /^key-(\d+)$/.exec(rest) ?? []
  if (key !== undefined) return { target: 'playlist', type: 'application/octet-stream', body: deriveKey(Number(key)) }
  return findSegment(track, { folder, name: rest }, broadcast)
}

async function findSegment(
  track: Clip,
  { folder, name }: { readonly folder: string; readonly name: string },
  { options, state }: Broadcast,
): Promise<ServedFile | null> {
  const index = track.segments.findIndex((segment) => segment.name === name)
  state.pace?.recordRequest(folder, index)
  const file = await readSegmentFile(track, name, index)
  return file === null || options.isEncrypted !== true ? file : { ...file, body: encryptSegment(file.body, index) }
}

function formatWindow(track: Clip, folder: string, { options, clock, state }: Broadcast): string {
  clock.start()
  const back = state.faults.get('playlist') === 'backwards' ? BACKWARDS_SEGMENTS : 0
  const edge = findNewestIndex(track, folder, state, clock)
  const last = Math.max(0, edge - back)
  const origin = state.restartsSec.map((sec) => findEdgeIndex(track, sec) + 1).findLast((index) => index <= last) ?? 0
  const { targetDurationSec: ownSec } = track
  const settings = { ...PLAYLIST_DEFAULTS, targetDurationSec: ownSec, ...options }
  const { windowSegments, programDateTime, mediaSequence, endlist, targetDurationSec } = settings
  const keyUrlOf = options.isEncrypted === true ? (index: number) => `${folder}/key-${keyNumberOf(index)}` : null
  const ended = state.endSec < Infinity || (endlist && last === track.segments.length - 1)
  return formatLivePlaylist(
    { ...track, targetDurationSec },
    { first: Math.max(origin, last - windowSegments + 1), last, origin, ended },
    { mediaSequence, wallOf: programDateTime ? clock.wallOf : null, folder, keyUrlOf },
  )
}

/** Returns the index of the newest published segment of a track; -1 where none is. */
function findNewestIndex(track: Clip, folder: string, state: BroadcastState, clock: BroadcastClock): number {
  if (state.pace !== null) return state.pace.edgeIndex(folder, track.segments.length)
  return findEdgeIndex(track, Math.min(clock.mediaSec(), state.endSec))
}

function toPlaylistFile(target: 'master' | 'playlist', text: string): ServedFile {
  return { target, type: 'application/vnd.apple.mpegurl', body: Buffer.from(text) }
}

async function readSegmentFile(track: Clip, name: string, index: number): Promise<ServedFile | null> {
  const files = [track.initPath, ...track.segments.map((segment) => segment.path)]
  const path = files.find((file) => file !== null && basename(file) === name)
  if (!path) return null
  const type = track.initPath === null ? 'video/mp2t' : 'video/mp4'
  return { target: 'segment', type, body: await readFile(path), index }
}

function findFault({ target, index = -1 }: ServedFile, { faults }: BroadcastState): BroadcastFault | null {
  return faults.get(index) ?? faults.get(target) ?? null
}

function sendFile(response: ServerResponse, file: ServedFile | null, fault: BroadcastFault | null): void {
  if (file === null) {
    response.writeHead(404).end()
    return
  }
  const half = file.body.subarray(0, file.body.length / 2)
  const send = (body: Buffer | string, type = file.type) => response.writeHead(200, { 'content-type': type }).end(body)
  if (fault === null || fault === 'backwards') send(file.body)
  else if (fault === 'html') send('<!doctype html><title>Please sign in</title>\n', 'text/html')
  else if (fault === 'empty') send('')
  else if (fault === 'truncated') send(half)
  else if (fault === 'cut') cutOff(response, file, half)
  else sendFaultyResponse(response, fault)
}

/** Announces the whole file, sends a part of it, and closes the connection. */
function cutOff(response: ServerResponse, file: ServedFile, part: Buffer): void {
  response.writeHead(200, { 'content-type': file.type, 'content-length': file.body.length })
  response.write(part, () => response.destroy())
}

function countRequests(
  requests: readonly { readonly target: BroadcastFaultTarget; readonly path: string }[],
): RequestCounts {
  const ofTarget = (target: BroadcastFaultTarget) => requests.filter((request) => request.target === target)
  return {
    master: ofTarget('master').length,
    playlist: ofTarget('playlist').length,
    segment: ofTarget('segment').length,
    distinctSegments: new Set(ofTarget('segment').map((request) => request.path)).size,
  }
}
