import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { basename } from 'node:path'

import { createBroadcastClock, type BroadcastClock } from './broadcast-clock.ts'
import { edgeIndex, livePlaylist, masterPlaylist, startSec } from './live-playlist.ts'
import { answerBadly, startLocalServer, type BadAnswer } from './local-server.ts'
import type { Clip } from './media.ts'

export type SimulatorOptions = {
  /** Segments in a playlist; 5 by default. */
  readonly windowSegments?: number
  /** Segments that have gone out before the first request; 3 by default. */
  readonly leadSegments?: number
  /** Whether playlists carry EXT-X-PROGRAM-DATE-TIME, EXT-X-MEDIA-SEQUENCE, and at last EXT-X-ENDLIST: all by default. */
  readonly programDateTime?: boolean
  readonly mediaSequence?: boolean
  readonly endlist?: boolean
  /** The sound as a rendition of its own, which the master playlist names. */
  readonly sound?: Clip
}

export type FaultTarget = 'master' | 'playlist' | 'segment'

/**
 * What goes wrong. `html`: a page instead of the file. `empty`, `truncated`: nothing, or half of it, in good HTTP.
 * `cut`: the connection breaks half-way. `backwards`: the playlist as it was three segments ago.
 */
export type Fault = BadAnswer | 'html' | 'empty' | 'truncated' | 'cut' | 'backwards'

/** How often each kind of file was asked for; in `distinctSegments` one that is fetched again counts once. */
export type RequestCounts = Readonly<Record<FaultTarget | 'distinctSegments', number>>

export type Simulator = AsyncDisposable &
  Pick<BroadcastClock, 'startedAtMs' | 'wallOf'> & {
    /** The media playlist. */
    readonly url: string
    readonly masterUrl: string
    /** From now on every such request goes wrong; `null` mends it. */
    fault(target: FaultTarget, fault: Fault | null): void
    /** The encoder is gone: no new segment until `resume`, when it goes on where it was. */
    stall(): void
    resume(): void
    /** The encoder starts anew: with the next segment, after a discontinuity, the window and its sequence begin again. */
    restartSequence(): void
    /** EXT-X-ENDLIST after what has gone out so far. */
    end(): void
    counts(): RequestCounts
  }

/** A file as the simulator serves it when nothing is wrong. */
type ServedFile = { readonly target: FaultTarget; readonly type: string; readonly body: Buffer }

type Stage = { readonly faults: Map<FaultTarget, Fault>; readonly restartsSec: number[]; endSec: number }

const BACKWARDS_SEGMENTS = 3

/**
 * Plays a clip as a live HLS stream in real time, a window that slides over it, on 127.0.0.1. Its clock starts at the
 * first request of a media playlist. A segment's URL ends in its name in the clip.
 */
export async function startSimulator(clip: Clip, options: SimulatorOptions = {}): Promise<Simulator> {
  const clock = createBroadcastClock(startSec(clip, options.leadSegments ?? 3))
  const stage: Stage = { faults: new Map(), restartsSec: [], endSec: Infinity }
  const asked: { readonly target: FaultTarget; readonly path: string }[] = []

  const server = await startLocalServer(async (request, response) => {
    const path = (request.url ?? '/').replace(/\?.*$/, '')
    const file = await fileAt(path, { clip, options, clock, stage })
    if (file !== null) asked.push({ target: file.target, path })
    serve(response, file, file === null ? null : (stage.faults.get(file.target) ?? null))
  })
  return {
    url: `${server.origin}/live.m3u8`,
    masterUrl: `${server.origin}/master.m3u8`,
    startedAtMs: clock.startedAtMs,
    wallOf: clock.wallOf,
    fault: (target, fault) => (fault === null ? stage.faults.delete(target) : stage.faults.set(target, fault)),
    stall: clock.pause,
    resume: clock.resume,
    restartSequence: () => stage.restartsSec.push(clock.mediaSec()),
    end: () => (stage.endSec = clock.mediaSec()),
    counts: () => countRequests(asked),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

type Scene = {
  readonly clip: Clip
  readonly options: SimulatorOptions
  readonly clock: BroadcastClock
  readonly stage: Stage
}

async function fileAt(path: string, scene: Scene): Promise<ServedFile | null> {
  const { clip, options } = scene
  if (path === '/master.m3u8') return playlistFile('master', masterPlaylist(options.sound !== undefined))
  const [, folder, rest = ''] = /^\/(live|sound)(?:\.m3u8|\/(.+))$/.exec(path) ?? []
  const track = { live: clip, sound: options.sound }[folder ?? '']
  if (folder === undefined || track === undefined) return null
  return rest === '' ? playlistFile('playlist', windowOf(track, folder, scene)) : segmentFile(track, rest)
}

function windowOf(track: Clip, folder: string, { options, clock, stage }: Scene): string {
  clock.start()
  const back = stage.faults.get('playlist') === 'backwards' ? BACKWARDS_SEGMENTS : 0
  const edge = edgeIndex(track, Math.min(clock.mediaSec(), stage.endSec))
  const last = Math.max(0, edge - back)
  const origin = stage.restartsSec.map((sec) => edgeIndex(track, sec) + 1).findLast((index) => index <= last) ?? 0
  const { windowSegments = 5, programDateTime = true, mediaSequence = true, endlist = true } = options
  const ended = stage.endSec < Infinity || (endlist && last === track.segments.length - 1)
  return livePlaylist(
    track,
    { first: Math.max(origin, last - windowSegments + 1), last, origin, ended },
    { mediaSequence, wallOf: programDateTime ? clock.wallOf : null, folder },
  )
}

function playlistFile(target: 'master' | 'playlist', text: string): ServedFile {
  return { target, type: 'application/vnd.apple.mpegurl', body: Buffer.from(text) }
}

async function segmentFile(track: Clip, name: string): Promise<ServedFile | null> {
  const files = [track.initPath, ...track.segments.map((segment) => segment.path)]
  const path = files.find((file) => file !== null && basename(file) === name)
  if (!path) return null
  return { target: 'segment', type: track.initPath === null ? 'video/mp2t' : 'video/mp4', body: await readFile(path) }
}

function serve(response: ServerResponse, file: ServedFile | null, fault: Fault | null): void {
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
  else answerBadly(response, fault)
}

/** Promises the whole file, sends a part of it, and is gone. */
function cutOff(response: ServerResponse, file: ServedFile, part: Buffer): void {
  response.writeHead(200, { 'content-type': file.type, 'content-length': file.body.length })
  response.write(part, () => response.destroy())
}

function countRequests(asked: readonly { readonly target: FaultTarget; readonly path: string }[]): RequestCounts {
  const of = (target: FaultTarget) => asked.filter((request) => request.target === target)
  return {
    master: of('master').length,
    playlist: of('playlist').length,
    segment: of('segment').length,
    distinctSegments: new Set(of('segment').map((request) => request.path)).size,
  }
}
