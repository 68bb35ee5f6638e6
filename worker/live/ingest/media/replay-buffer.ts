import type { MediaPayloadKind } from '../../flv/media-payload.ts'
import type { MediaTrack } from './session-time.ts'

/** A tag of FLV as it is kept and sent. Tags form a chain, so that each reader holds only what it has not yet sent. */
export type KeptTag = {
  readonly bytes: Buffer
  readonly timestampMs: number
  /** Bytes of all tags of the session up to this one's end. */
  readonly endPosition: number
  next: KeptTag | null
}

/** The tags that a reader needs before the first frame. */
export type StartTags = {
  readonly metadata: Buffer | null
  readonly video: Buffer | null
  readonly audio: Buffer | null
}

/** A group of pictures: from a key frame to the next one, with the sound that arrived meanwhile. */
type KeptGroup = { readonly startMs: number; readonly first: KeptTag; readonly start: StartTags; bytes: number }

/** Where a reader begins. */
export type ReplayStart = { readonly start: StartTags; readonly first: KeptTag; readonly startMs: number }

/** What is appended to a buffer. */
export type ReplayTag = {
  readonly track: MediaTrack
  readonly kind: MediaPayloadKind
  readonly bytes: Buffer
  readonly timestampMs: number
}

/** What a session has sent lately: whole groups of pictures, bounded. */
export type ReplayBuffer = {
  append(tag: ReplayTag): void
  setMetadata(bytes: Buffer): void
  /** Returns what a reader needs before the next frame. */
  readonly start: () => StartTags
  /**
   * Returns the newest key frame at or before `fromMs` (`null`: the newest one), the oldest one if all are later. Returns
   * `null` if none is kept, or only sound has come so far and a picture may follow.
   */
  findStart(fromMs: number | null): ReplayStart | null
  /** Drops groups that end before `knownUntilMs`, except for the newest complete group and the open one. */
  trim(knownUntilMs: number): void
  /** States that nothing more comes. */
  end(): void
  /** Groups that were dropped because the buffer was full. */
  readonly dropped: () => number
  readonly bytes: () => number
  readonly endPosition: () => number
}

/** Memory that a tag takes beside its bytes. */
const TAG_OVERHEAD_BYTES = 200
/** Media that ends this much before the known time is not needed: presentation follows decoding by less. */
export const TRIM_MARGIN_MS = 1000
/** Length of a group of a session without video. */
const AUDIO_GROUP_MS = 1000
/** Groups that are never trimmed: the open one and the newest complete one. */
const LEAST_GROUPS = 2

type ReplayState = {
  readonly groups: KeptGroup[]
  start: StartTags
  last: KeptTag | null
  hasVideo: boolean
  /** The session has video, or will have none. */
  isSettled: boolean
  bytes: number
  endPosition: number
  dropped: number
}

/** Creates an empty buffer. `capacityBytes` returns how much it may keep now. */
export function createReplayBuffer(capacityBytes: () => number): ReplayBuffer {
  const state: ReplayState = {
    groups: [],
    start: { metadata: null, video: null, audio: null },
    last: null,
    hasVideo: false,
    isSettled: false,
    bytes: 0,
    endPosition: 0,
    dropped: 0,
  }
  return {
    append: (tag) => {
      appendTag(state, tag)
      while (state.bytes > capacityBytes() && dropOldest(state)) state.dropped++
    },
    setMetadata: (bytes) => {
      state.start = { ...state.start, metadata: bytes }
    },
    start: () => state.start,
    end: () => {
      state.isSettled = true
    },
    findStart: (fromMs) => {
      if (!state.isSettled) return null
      const group = fromMs === null ? state.groups.at(-1) : findGroup(state.groups, fromMs)
      return group === undefined ? null : { start: group.start, first: group.first, startMs: group.startMs }
    },
    trim: (knownUntilMs) => {
      for (;;) {
        const next = state.groups[1]
        if (state.groups.length <= LEAST_GROUPS || next === undefined || next.startMs + TRIM_MARGIN_MS > knownUntilMs)
          return
        dropOldest(state)
      }
    },
    dropped: () => state.dropped,
    bytes: () => state.bytes,
    endPosition: () => state.endPosition,
  }
}

function findGroup(groups: readonly KeptGroup[], fromMs: number): KeptGroup | undefined {
  return groups.findLast(({ startMs }) => startMs <= fromMs) ?? groups[0]
}

function appendTag(state: ReplayState, tag: ReplayTag): void {
  if (tag.track === 'video' && !state.hasVideo) {
    // Sound before the first picture is left out: a session with video begins with a key frame.
    state.hasVideo = true
    state.isSettled = true
    while (dropOldest(state));
  }
  const kept = link(state, tag)
  if (tag.kind === 'header') state.start = { ...state.start, [tag.track]: tag.bytes }
  if (beginsGroup(state, tag))
    state.groups.push({ startMs: tag.timestampMs, first: kept, start: state.start, bytes: 0 })
  const group = state.groups.at(-1)
  if (group === undefined) return
  const bytes = tag.bytes.length + TAG_OVERHEAD_BYTES
  group.bytes += bytes
  state.bytes += bytes
}

/** Appends a tag to the chain. Readers that have sent all tags before it go on with it. */
function link(state: ReplayState, { bytes, timestampMs }: ReplayTag): KeptTag {
  state.endPosition += bytes.length
  const kept: KeptTag = { bytes, timestampMs, endPosition: state.endPosition, next: null }
  if (state.last !== null) state.last.next = kept
  state.last = kept
  return kept
}

function beginsGroup(state: ReplayState, { track, kind, timestampMs }: ReplayTag): boolean {
  if (kind !== 'key_frame') return false
  if (track === 'video') return true
  if (state.hasVideo) return false
  const group = state.groups.at(-1)
  const isGroupLong = group !== undefined && timestampMs - group.startMs >= AUDIO_GROUP_MS
  state.isSettled ||= isGroupLong
  return group === undefined || isGroupLong
}

/** Drops the oldest group. Returns false where none is left. */
function dropOldest(state: ReplayState): boolean {
  const group = state.groups.shift()
  state.bytes -= group?.bytes ?? 0
  return group !== undefined
}
