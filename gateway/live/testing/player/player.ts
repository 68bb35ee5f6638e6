/**
 * A player without a screen. It does what a player of low-latency HLS does: it reads the multivariant playlist, reloads a
 * media playlist with `_HLS_msn` and `_HLS_part`, and fetches each part or segment once, in order (RFC 8216bis §6.3).
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { readFrameNumbers } from '../../../../shared/testing/frame-counter.ts'
import { createMediaBuffer, type MediaBuffer } from './media-buffer.ts'
import { parseMediaPlaylist, sumDurations, type ListedSegment, type MediaPlaylist } from './media-playlist.ts'

/** The arrival of a part or a segment. */
export type MediaArrival = {
  readonly kind: 'part' | 'segment'
  readonly atMs: number
  /** From the program date-time of its first frame to its last byte, in seconds. */
  readonly delaySec: number
  readonly durationSec: number
  /** Address of its initialization segment, which is another one with each run of the encoder. */
  readonly map: string
}

export type PlayerOptions = {
  /** Address of the multivariant playlist. */
  readonly url: string
  readonly onArrival?: (arrival: MediaArrival) => void
  /** Ends the player. */
  readonly signal: AbortSignal
}

/** What a player has received once the broadcast has ended. */
export type PlayedBroadcast = {
  readonly arrivals: readonly MediaArrival[]
  /** Parts of unfinished segments, which a further worker made again. */
  readonly replacedParts: number
  /** Decodes what was received and returns the numbers in its frames. */
  readFrameNumbers(height: number): Promise<number[]>
}

const REQUEST_TIMEOUT_MS = 10_000
const RETRY_MS = 200

type PlayerState = {
  readonly options: PlayerOptions
  readonly buffer: MediaBuffer
  readonly arrivals: MediaArrival[]
  readonly inits: Map<string, Buffer>
}

/**
 * Plays the first variant of a broadcast from its first listed segment to its end.
 * @throws Error where `signal` aborts
 */
export async function playBroadcast(options: PlayerOptions): Promise<PlayedBroadcast> {
  const state: PlayerState = { options, buffer: createMediaBuffer(), arrivals: [], inits: new Map() }
  const url = await findVariant(options)
  let playlist: MediaPlaylist | null = null
  while (playlist?.hasEnded !== true || !hasAll(state, playlist)) {
    playlist = await reload(state, url, playlist)
    const isTaken = playlist !== null && (await takeAll(state, url, playlist))
    // A part may be gone with its worker: the playlist says what comes instead.
    if (!isTaken) await wait(RETRY_MS, undefined, { signal: options.signal })
  }
  return {
    arrivals: state.arrivals,
    replacedParts: state.buffer.replacedParts(),
    readFrameNumbers: (height) => decodePeriods(state, height),
  }
}

/** Returns the address of the first variant, once the broadcast has one. */
async function findVariant({ url, signal }: PlayerOptions): Promise<URL> {
  for (;;) {
    const master = await fetchBytes(new URL(url), signal)
    const variant = master?.toString().match(/^[^#\s].*$/m)?.[0]
    if (variant !== undefined) return new URL(variant, url)
    await wait(RETRY_MS, undefined, { signal })
  }
}

/** Reads the playlist; waits for what is new in it as the last one allows. */
async function reload({ options }: PlayerState, url: URL, last: MediaPlaylist | null): Promise<MediaPlaylist | null> {
  const { signal } = options
  if (last !== null && !last.canBlock) await wait((last.targetSec * 1000) / 2, undefined, { signal })
  const text = await fetchBytes(last?.canBlock === true ? nextPosition(url, last) : url, signal)
  return text === null ? null : parseMediaPlaylist(text.toString())
}

/** Returns the address of a playlist that has one more part. */
function nextPosition(url: URL, { segments }: MediaPlaylist): URL {
  const last = segments.at(-1)
  const isOpen = last?.uri === null
  const next = new URL(url)
  next.searchParams.set('_HLS_msn', String((last?.seq ?? -1) + (isOpen ? 0 : 1)))
  next.searchParams.set('_HLS_part', String(isOpen ? last.parts.length : 0))
  return next
}

function hasAll({ buffer }: PlayerState, { segments }: MediaPlaylist): boolean {
  return segments.every((segment) => buffer.heldPartsOf(segment) === 'whole')
}

/** Fetches what a playlist has that is not held yet; returns false where something cannot be fetched. */
async function takeAll(state: PlayerState, url: URL, { segments }: MediaPlaylist): Promise<boolean> {
  for (const segment of segments) if (!(await takeSegment(state, url, segment))) return false
  return true
}

async function takeSegment(state: PlayerState, url: URL, listed: ListedSegment): Promise<boolean> {
  const held = state.buffer.heldPartsOf(listed)
  if (held === 'whole') return true
  if (!(await takeInit(state, url, listed.map))) return false
  // A complete segment of which nothing is held is fetched in one piece.
  const hasMissed = listed.uri !== null && (held === 0 || listed.parts.length < held)
  return hasMissed ? takeWhole(state, url, listed) : takeParts(state, url, listed, held)
}

async function takeParts(state: PlayerState, url: URL, listed: ListedSegment, held: number): Promise<boolean> {
  for (const [i, { uri, durationSec }] of listed.parts.entries()) {
    if (i < held) continue
    const bytes = await fetchBytes(new URL(uri, url), state.options.signal)
    if (bytes === null) return false
    state.buffer.addPart(listed, { bytes, durationSec })
    const startMs = listed.startMs + sumDurations(listed.parts.slice(0, i)) * 1000
    noteArrival(state, { kind: 'part', startMs, durationSec, map: listed.map })
  }
  const isComplete = listed.uri === null || state.buffer.heldPartsOf(listed) === 'whole'
  return isComplete || takeWhole(state, url, listed)
}

async function takeWhole(state: PlayerState, url: URL, listed: ListedSegment): Promise<boolean> {
  const { uri, startMs, durationSec, map } = listed
  const bytes = await fetchBytes(new URL(uri ?? '', url), state.options.signal)
  if (bytes === null) return false
  state.buffer.addWhole(listed, { bytes, durationSec })
  noteArrival(state, { kind: 'segment', startMs, durationSec, map })
  return true
}

/** Fetches an initialization segment once. */
async function takeInit({ inits, options }: PlayerState, url: URL, map: string): Promise<boolean> {
  if (inits.has(map)) return true
  const bytes = await fetchBytes(new URL(map, url), options.signal)
  if (bytes !== null) inits.set(map, bytes)
  return bytes !== null
}

type ArrivedMedia = Pick<MediaArrival, 'kind' | 'durationSec' | 'map'> & { readonly startMs: number }

function noteArrival({ arrivals, options }: PlayerState, { startMs, ...media }: ArrivedMedia): void {
  const atMs = Date.now()
  const arrival = { ...media, atMs, delaySec: (atMs - startMs) / 1000 }
  arrivals.push(arrival)
  options.onArrival?.(arrival)
}

/**
 * Returns the body of an answer; `null` where it is another than 200, or none comes.
 * @throws Error where `signal` aborts
 */
async function fetchBytes(url: URL, signal: AbortSignal): Promise<Buffer | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]) })
    const bytes = Buffer.from(await response.arrayBuffer())
    return response.ok ? bytes : null
  } catch (error) {
    if (signal.aborted) throw error
    return null
  }
}

async function decodePeriods({ buffer, inits }: PlayerState, height: number): Promise<number[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-player-'))
  try {
    const frames: number[] = []
    for (const [i, { map, media }] of buffer.periods().entries()) {
      const path = join(dir, `${i}.mp4`)
      await writeFile(path, Buffer.concat([inits.get(map) ?? Buffer.alloc(0), ...media]))
      frames.push(...(await readFrameNumbers(path, height)))
    }
    return frames
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
