import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { runProgram } from '../../platform/run-program.ts'
import { type Clip, type ClipPart, makeClip } from '../../../shared/testing/clips.ts'
import {
  analyzeSegments,
  FRAME_SEC,
  closeToSpans,
  readSegments,
  SMALL_CLIP,
  AUDIO_TOLERANCE_SEC,
  requireSpans,
} from '../../testing/analyze-clip.ts'
import type { TrackKind } from '../stream.ts'
import type { DownloadedSegment, SegmentAnalysis } from './analyze-segment.ts'

const never = new AbortController().signal

const TS_PACKET_BYTES = 188
/** Packet identifiers that ffmpeg assigns to the tracks of a clip in a transport stream. */
const TRACK_ID = { picture: 0x100, sound: 0x101 } as const

/** Removes a track's packets from the first `share` of a transport stream, which still declares the track. */
function dropTrack(stream: Uint8Array, track: TrackKind, share = 1): Uint8Array {
  const packets = Array.from({ length: stream.length / TS_PACKET_BYTES }, (_, i) =>
    stream.subarray(i * TS_PACKET_BYTES, (i + 1) * TS_PACKET_BYTES),
  )
  const idOf = ([, high = 0, low = 0]: Uint8Array) => ((high & 0x1f) << 8) | low
  return Buffer.concat(packets.filter((packet, i) => i > packets.length * share || idOf(packet) !== TRACK_ID[track]))
}

describe('one segment', () => {
  const parts: ClipPart[] = [{ sec: 2.5 }, { sec: 1, video: 'black', audio: 'silent' }, { sec: 2.5 }]
  const expected = [{ fromSec: 2.5, toSec: 3.5 }]
  let clip: Clip
  let segment: DownloadedSegment
  beforeAll(async () => {
    clip = await makeClip(parts, { ...SMALL_CLIP, segmentSec: 6, gopSec: 2, bFrames: 2 })
    const [first] = await readSegments(clip)
    if (first === undefined) throw new Error('the clip has no segment')
    segment = first
  })
  afterAll(() => clip[Symbol.asyncDispose]())

  /** Remuxes the segment with ffmpeg. */
  async function remux(name: string, ...args: string[]): Promise<DownloadedSegment> {
    const input = clip.segments[0]?.name ?? ''
    const all = ['-v', 'error', ...args.map((arg) => (arg === 'INPUT' ? input : arg)), '-c', 'copy', name]
    const result = await runProgram('ffmpeg', all, { timeoutMs: PATIENCE_MS, signal: never, cwd: clip.dir })
    if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
    return { ...segment, bytes: await readFile(join(clip.dir, name)) }
  }

  async function analyzeOne(one: DownloadedSegment): Promise<SegmentAnalysis> {
    const [result] = await analyzeSegments([one])
    if (result === undefined) throw new Error('no result')
    return result
  }

  test.each([
    ['that wrap within it', 95_443.7 - 3],
    ['just before their wrap', 95_443.7 - 6],
    ['of half a day', 43_200],
  ])('has the same spans with timestamps %s', async (_, offsetSec) => {
    const result = await analyzeOne(
      await remux(`${offsetSec}.ts`, '-i', 'INPUT', '-output_ts_offset', String(offsetSec)),
    )
    expect(requireSpans(result, 'blackout')).toEqual(closeToSpans(expected, FRAME_SEC))
    expect(requireSpans(result, 'silence')).toEqual(closeToSpans(expected, AUDIO_TOLERANCE_SEC))
  })

  test('has the same spans with timestamps that jump within it', async () => {
    const head = await remux('head.ts', '-t', '4', '-i', 'INPUT')
    const tail = await remux('tail.ts', '-ss', '4', '-i', 'INPUT', '-output_ts_offset', '50000')
    const result = await analyzeOne({ ...segment, bytes: Buffer.concat([head.bytes, tail.bytes]) })
    expect(requireSpans(result, 'blackout')).toEqual(closeToSpans(expected, FRAME_SEC))
  })

  test('of sound only has no picture, in a stream, as packed audio, or after a tag', async () => {
    const packed = await remux('sound.aac', '-i', 'INPUT', '-vn')
    const tag = Buffer.from('ID3\x04\x00\x00\x00\x00\x00\x0aowner\0four', 'latin1')
    const tagged = { ...packed, bytes: Buffer.concat([tag, packed.bytes]) }
    for (const one of [await remux('sound.ts', '-i', 'INPUT', '-vn'), packed, tagged]) {
      const result = await analyzeOne(one)
      expect(result).toMatchObject({ findings: { picture: { kind: 'absent' } } })
      expect(requireSpans(result, 'silence')).toEqual(closeToSpans(expected, AUDIO_TOLERANCE_SEC))
    }
  })

  test('of picture only has no sound', async () => {
    const result = await analyzeOne(await remux('picture.ts', '-i', 'INPUT', '-an'))
    expect(result).toMatchObject({ findings: { picture: { kind: 'present' }, sound: { kind: 'absent' } } })
  })

  test('that declares a track without packets lacks that track, and the other one is analyzed', async () => {
    const mute = await analyzeOne({ ...segment, bytes: dropTrack(segment.bytes, 'sound') })
    expect(mute).toMatchObject({ findings: { sound: { kind: 'absent' } } })
    expect(requireSpans(mute, 'blackout')).toEqual(closeToSpans(expected, FRAME_SEC))
    const blind = await analyzeOne({ ...segment, bytes: dropTrack(segment.bytes, 'picture') })
    expect(blind).toMatchObject({ findings: { picture: { kind: 'absent' } } })
    expect(requireSpans(blind, 'silence')).toEqual(closeToSpans(expected, AUDIO_TOLERANCE_SEC))
  })

  test('that declares both tracks and has neither has failed', async () => {
    const bytes = dropTrack(dropTrack(segment.bytes, 'sound'), 'picture')
    const error = 'segment holds neither picture nor sound'
    expect(await analyzeOne({ ...segment, bytes })).toEqual({ kind: 'failed', error })
  })

  test('that declares its only selected track without packets lacks that track', async () => {
    const bytes = { picture: dropTrack(segment.bytes, 'picture'), sound: dropTrack(segment.bytes, 'sound') }
    const picture = await analyzeOne({ ...segment, bytes: bytes.picture, tracks: 'picture' })
    expect(picture).toMatchObject({ findings: { picture: { kind: 'absent' }, sound: null } })
    const sound = await analyzeOne({ ...segment, bytes: bytes.sound, tracks: 'sound' })
    expect(sound).toMatchObject({ findings: { picture: null, sound: { kind: 'absent' } } })
  })

  test('whose sound begins late is silent until then, even if that is most of it', async () => {
    await using long = await makeClip([{ sec: 12 }], { ...SMALL_CLIP, segmentSec: 12 })
    const [whole] = await readSegments(long)
    if (whole === undefined) throw new Error('the clip has no segment')
    const late = await analyzeOne({ ...whole, bytes: dropTrack(whole.bytes, 'sound', 0.8) })
    expect(requireSpans(late, 'silence')).toEqual([{ fromSec: 0, toSec: expect.closeTo(9.5, 0) }])
    expect(requireSpans(late, 'blackout')).toEqual([])
  })

  test.each(['-1.5', '1.5', '6.5'])('has the same spans with a sound clock that is %s s off', async (offsetSec) => {
    const args = ['-i', 'INPUT', '-itsoffset', offsetSec, '-i', 'INPUT', '-map', '0:v', '-map', '1:a']
    const result = await analyzeOne(await remux(`off${offsetSec}.ts`, ...args, '-max_interleave_delta', '0'))
    expect(requireSpans(result, 'blackout')).toEqual(closeToSpans(expected, FRAME_SEC))
    expect(requireSpans(result, 'silence')).toEqual(closeToSpans(expected, AUDIO_TOLERANCE_SEC))
  })

  test('has the same spans with a sound clock far off if the playlist names too long a duration', async () => {
    const inputs = ['-i', 'INPUT', '-itsoffset', '1000', '-i', 'INPUT']
    const remuxed = await remux('far.ts', '-dts_delta_threshold', '5000', ...inputs, '-map', '0:v', '-map', '1:a')
    const result = await analyzeOne({ ...remuxed, durationSec: segment.durationSec + 2 })
    expect(requireSpans(result, 'blackout')).toEqual(closeToSpans(expected, FRAME_SEC))
    expect(requireSpans(result, 'silence')).toEqual(closeToSpans(expected, AUDIO_TOLERANCE_SEC))
  })

  test('is analyzed for the tracks of its rendition only', async () => {
    const picture = await analyzeOne({ ...segment, tracks: 'picture' })
    expect(picture).toMatchObject({ findings: { picture: { kind: 'present' }, sound: null } })
    const sound = await analyzeOne({ ...segment, tracks: 'sound' })
    expect(sound).toMatchObject({ findings: { picture: null, sound: { kind: 'present' } } })
  })

  test('whose sound stops is silent from there', async () => {
    const result = await analyzeOne(
      await remux('stops.ts', '-i', 'INPUT', '-t', '3', '-i', 'INPUT', '-map', '0:v', '-map', '1:a'),
    )
    expect(requireSpans(result, 'silence')).toEqual(closeToSpans([{ fromSec: 2.5, toSec: 6 }], AUDIO_TOLERANCE_SEC))
    expect(requireSpans(result, 'blackout')).toEqual(closeToSpans(expected, FRAME_SEC))
  })

  test('that is cut off in its first half has failed; one cut off later is analyzed up to the cut', async () => {
    const cut = (share: number) => ({ ...segment, bytes: segment.bytes.subarray(0, segment.bytes.length * share) })
    expect(await analyzeOne(cut(0.3))).toEqual({
      kind: 'failed',
      error: expect.stringMatching(/^segment holds .* of its 6.0 s$/),
    })
    expect(requireSpans(await analyzeOne(cut(0.8)), 'blackout')).toEqual(closeToSpans(expected, FRAME_SEC))
  })

  test.each<[string, () => Partial<DownloadedSegment>]>([
    ['is empty', () => ({ bytes: new Uint8Array() })],
    ['is a page', () => ({ bytes: Buffer.from('<html></html>') })],
    ['is a playlist', () => ({ bytes: Buffer.from('#EXTM3U\n') })],
    ['is noise', () => ({ bytes: Buffer.alloc(5000, 0x55) })],
    ['is noise in transport packets', () => ({ bytes: Buffer.alloc(188 * 50, 0x47) })],
    ['lacks its initialization section', () => ({ bytes: Buffer.from('\0\0\0\x08moof\0\0\0\x08mdat') })],
  ])('that %s has failed', async (_, changed) => {
    expect(await analyzeOne({ ...segment, ...changed() })).toEqual({
      kind: 'failed',
      error: expect.stringMatching(/^.{3,200}$/),
    })
  })
})
