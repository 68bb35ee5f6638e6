import type { EncodedRung } from '../../../shared/contract/live.ts'
import type { PlaylistWindow } from '../playback/playlist-window.ts'
import type { EncoderRunRow, SegmentRow } from '../store/segments.ts'

/** The broadcast and the session of the rows. */
export const STREAM = '01a22697-b522-77a1-9423-d8d0f397c9a8'

/** Builds a rung of a run, which is 16:9. */
export const buildRung = (height: number): EncodedRung => ({
  name: String(height),
  width: (height * 16) / 9,
  height,
  frame_rate: 30,
  codecs: 'avc1.64001f,mp4a.40.2',
  bandwidth: height * 2000,
})

/** Builds the row of a run. */
export const buildRun = (
  epoch: number,
  run: number,
  discontinuity: number,
  heights: readonly number[],
): EncoderRunRow => ({
  streamId: STREAM,
  epoch,
  run,
  discontinuity,
  session: STREAM,
  rungs: heights.map((height) => buildRung(height)),
})

/** Builds the row of a segment, which lasts 2 s. */
export const buildSegment = (seq: number, epoch = 1, run = 1, n = seq): SegmentRow => ({
  streamId: STREAM,
  seq,
  epoch,
  run,
  n,
  durationSec: 2,
  programDateTime: new Date(Date.UTC(2026, 0, 1) + seq * 2000),
  frames: 60,
  bytes: [1],
  isMissing: false,
})

/** Four segments of one run, without parts. */
export const WINDOW: PlaylistWindow = {
  segments: [0, 1, 2, 3].map((seq) => buildSegment(seq)),
  isRecording: false,
  runs: [buildRun(1, 1, 0, [720, 360])],
  end: null,
  hasEnded: false,
  parts: null,
  filesBase: '',
  partsBase: '',
}
