import type { PublisherFacts } from '../../../../shared/contract/live.ts'
import { cutText } from '../../../../shared/contract/text.ts'
import type { MediaPayload } from '../../flv/media-payload.ts'
import { readNumberProperty, readTextProperty, type AmfValue } from '../rtmp/amf0-value.ts'
import { readAudioFormat, type AudioFormat } from './audio-format.ts'
import { createFrameStatistics, type FrameStatistics } from './frame-statistics.ts'
import { readH264Size, type PictureSize } from '../../../media/demux/h264-size.ts'
import { createRateWindow, type RateWindow } from './rate-window.ts'
import type { MediaTrack } from './session-time.ts'

/** A tag as it is measured. */
export type MeasuredTag = {
  readonly track: MediaTrack
  readonly payload: MediaPayload
  readonly body: Buffer
  readonly timestampMs: number
}

/** Measures what an encoder sends. */
export type FactsMeter = {
  add(tag: MeasuredTag, nowMs: number): void
  /** Takes the values of `onMetaData`, which stand in for what the codec's own headers do not say. */
  setMetadata(metadata: AmfValue): void
  facts(nowMs: number): PublisherFacts
  /** Returns the bytes of the last five seconds. */
  recentBytes(nowMs: number): number
}

/** Share of a new deviation in the jitter (RFC 3550 §6.4.1). */
const JITTER_SHARE = 1 / 16
const MAX_TEXT = 300
const MAX_WHOLE = 100_000

type FactsState = {
  readonly rate: RateWindow
  readonly frames: FrameStatistics
  codecs: { readonly audio: string | null; readonly video: string | null }
  size: PictureSize | null
  format: AudioFormat | null
  metadata: AmfValue
  jitterMs: number
  /** Arrival less timestamp of the last frame of each track. */
  readonly transitMs: Map<MediaTrack, number>
}

/** Creates the meter of a session that begins at `startMs`, in ms of a clock that never goes back. */
export function createFactsMeter(startMs: number): FactsMeter {
  const state: FactsState = {
    rate: createRateWindow(startMs),
    frames: createFrameStatistics(),
    codecs: { audio: null, video: null },
    size: null,
    format: null,
    metadata: null,
    jitterMs: 0,
    transitMs: new Map(),
  }
  return {
    add: (tag, nowMs) => {
      state.rate.add(tag.body.length, nowMs)
      if (tag.payload.kind === 'header') readHeader(state, tag)
      else if (tag.payload.kind !== 'extra') addFrame(state, tag, nowMs)
    },
    setMetadata: (metadata) => {
      state.metadata = metadata
    },
    facts: (nowMs) => composeFacts(state, nowMs),
    recentBytes: (nowMs) => state.rate.bytes(nowMs),
  }
}

function readHeader(state: FactsState, { track, payload, body }: MeasuredTag): void {
  const configuration = body.subarray(payload.data)
  state.codecs = { ...state.codecs, [track]: payload.codec }
  if (track === 'audio') state.format = readAudioFormat(payload.codec, configuration)
  else state.size = payload.codec === 'h264' ? readH264Size(configuration) : null
}

function addFrame(state: FactsState, { track, payload, timestampMs }: MeasuredTag, nowMs: number): void {
  state.codecs = { ...state.codecs, [track]: payload.codec }
  if (track === 'video') state.frames.add(timestampMs, payload.kind === 'key_frame')
  const transitMs = nowMs - timestampMs
  const previousMs = state.transitMs.get(track)
  if (previousMs !== undefined) {
    state.jitterMs += (Math.abs(transitMs - previousMs) - state.jitterMs) * JITTER_SHARE
  }
  state.transitMs.set(track, transitMs)
}

function composeFacts(state: FactsState, nowMs: number): PublisherFacts {
  return {
    bit_rate_kbps: roundTo(state.rate.kbps(nowMs), 1),
    video: composeVideoFacts(state),
    audio: composeAudioFacts(state),
    dropped_frames: state.frames.droppedFrames(),
    jitter_ms: roundTo(state.jitterMs, 1),
    encoder: cleanText(readTextProperty(state.metadata, 'encoder')),
  }
}

function composeVideoFacts({ codecs, size, frames, metadata }: FactsState): PublisherFacts['video'] {
  if (codecs.video === null) return null
  return {
    codec: codecs.video,
    width: size?.width ?? readWhole(metadata, 'width'),
    height: size?.height ?? readWhole(metadata, 'height'),
    fps: roundTo(frames.framesPerSecond(), 2),
    keyframe_interval_sec: frames.keyFrameIntervalSec(),
  }
}

function composeAudioFacts({ codecs, format, metadata }: FactsState): PublisherFacts['audio'] {
  if (codecs.audio === null) return null
  return {
    codec: codecs.audio,
    sample_rate: format?.sampleRate ?? readWhole(metadata, 'audiosamplerate'),
    channels: format?.channels ?? readWhole(metadata, 'audiochannels'),
  }
}

/** Returns a text as the gateway stores it. */
function cleanText(text: string | null): string | null {
  return text === null ? null : cutText(text.replaceAll('\0', ''), MAX_TEXT)
}

/** Returns a whole number of the metadata; 0 where it is absent or absurd. */
function readWhole(metadata: AmfValue, name: string): number {
  const value = Math.round(readNumberProperty(metadata, name) ?? 0)
  return value >= 0 && value <= MAX_WHOLE ? value : 0
}

function roundTo(value: number, digits: number): number {
  const factor = 10 ** digits
  return Math.round(value * factor) / factor
}
