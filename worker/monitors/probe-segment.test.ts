import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { runProgram } from '../platform/run-program.ts'
import { type Clip, type ClipPart, makeClip } from '../testing/media.ts'
import { analyse, FRAME_SEC, near, readSegments, small, SOUND_SEC, spansOf } from '../testing/probing.ts'
import type { ProbeResult, SegmentMedia } from './probe.ts'

const never = new AbortController().signal

const TS_PACKET_BYTES = 188
/** The tracks of a clip in a transport stream, by the ids that ffmpeg gives them. */
const TRACK_ID = { picture: 0x100, sound: 0x101 } as const

/** A transport stream that goes on declaring a track whose packets are gone from its first `share`. */
function dropTrack(stream: Uint8Array, side: keyof typeof TRACK_ID, share = 1): Uint8Array {
  const packets = Array.from({ length: stream.length / TS_PACKET_BYTES }, (_, i) =>
    stream.subarray(i * TS_PACKET_BYTES, (i + 1) * TS_PACKET_BYTES),
  )
  const idOf = ([, high = 0, low = 0]: Uint8Array) => ((high & 0x1f) << 8) | low
  return Buffer.concat(packets.filter((packet, i) => i > packets.length * share || idOf(packet) !== TRACK_ID[side]))
}

describe('one segment', () => {
  const parts: ClipPart[] = [{ sec: 2.5 }, { sec: 1, video: 'black', audio: 'silent' }, { sec: 2.5 }]
  const expected = [{ fromSec: 2.5, toSec: 3.5 }]
  let clip: Clip
  let segment: SegmentMedia
  beforeAll(async () => {
    clip = await makeClip(parts, { ...small, segmentSec: 6, gopSec: 2, bFrames: 2 })
    const [first] = await readSegments(clip)
    if (first === undefined) throw new Error('the clip has no segment')
    segment = first
  })
  afterAll(() => clip[Symbol.asyncDispose]())

  /** The segment copied anew by ffmpeg. */
  async function remux(name: string, ...args: string[]): Promise<SegmentMedia> {
    const input = clip.segments[0]?.name ?? ''
    const all = ['-v', 'error', ...args.map((arg) => (arg === 'INPUT' ? input : arg)), '-c', 'copy', name]
    const result = await runProgram('ffmpeg', all, { timeoutMs: 10_000, signal: never, cwd: clip.dir })
    if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
    return { ...segment, bytes: await readFile(join(clip.dir, name)) }
  }

  async function analyseOne(one: SegmentMedia): Promise<ProbeResult> {
    const [result] = await analyse([one])
    if (result === undefined) throw new Error('no result')
    return result
  }

  test.each([
    ['wrap within it', 95_443.7 - 3],
    ['are just before their wrap', 95_443.7 - 6],
    ['stand at half a day', 43_200],
  ])('is seen alike when its time stamps %s', async (_, offsetSec) => {
    const result = await analyseOne(
      await remux(`${offsetSec}.ts`, '-i', 'INPUT', '-output_ts_offset', String(offsetSec)),
    )
    expect(spansOf(result, 'blackout')).toEqual(near(expected, FRAME_SEC))
    expect(spansOf(result, 'silence')).toEqual(near(expected, SOUND_SEC))
  })

  test('is seen alike when its time stamps jump within it', async () => {
    const head = await remux('head.ts', '-t', '4', '-i', 'INPUT')
    const tail = await remux('tail.ts', '-ss', '4', '-i', 'INPUT', '-output_ts_offset', '50000')
    const result = await analyseOne({ ...segment, bytes: Buffer.concat([head.bytes, tail.bytes]) })
    expect(spansOf(result, 'blackout')).toEqual(near(expected, FRAME_SEC))
  })

  test('of sound only has no picture, be it in a stream, packed, or after a tag', async () => {
    const packed = await remux('sound.aac', '-i', 'INPUT', '-vn')
    const tag = Buffer.from('ID3\x04\x00\x00\x00\x00\x00\x0aowner\0four', 'latin1')
    const tagged = { ...packed, bytes: Buffer.concat([tag, packed.bytes]) }
    for (const one of [await remux('sound.ts', '-i', 'INPUT', '-vn'), packed, tagged]) {
      const result = await analyseOne(one)
      expect(result).toMatchObject({ findings: { picture: { kind: 'absent' } } })
      expect(spansOf(result, 'silence')).toEqual(near(expected, SOUND_SEC))
    }
  })

  test('of picture only has no sound', async () => {
    const result = await analyseOne(await remux('picture.ts', '-i', 'INPUT', '-an'))
    expect(result).toMatchObject({ findings: { picture: { kind: 'seen' }, sound: { kind: 'absent' } } })
  })

  test('whose sound or picture is declared and does not come has none, and the other side is judged as usual', async () => {
    const mute = await analyseOne({ ...segment, bytes: dropTrack(segment.bytes, 'sound') })
    expect(mute).toMatchObject({ findings: { sound: { kind: 'absent' } } })
    expect(spansOf(mute, 'blackout')).toEqual(near(expected, FRAME_SEC))
    const blind = await analyseOne({ ...segment, bytes: dropTrack(segment.bytes, 'picture') })
    expect(blind).toMatchObject({ findings: { picture: { kind: 'absent' } } })
    expect(spansOf(blind, 'silence')).toEqual(near(expected, SOUND_SEC))
  })

  test('that declares both tracks and has neither has failed', async () => {
    const bytes = dropTrack(dropTrack(segment.bytes, 'sound'), 'picture')
    const error = 'segment holds neither picture nor sound'
    expect(await analyseOne({ ...segment, bytes })).toEqual({ kind: 'failed', error })
  })

  test('whose side is declared and does not come, where nothing but that side is asked for, has none', async () => {
    const bytes = { picture: dropTrack(segment.bytes, 'picture'), sound: dropTrack(segment.bytes, 'sound') }
    const picture = await analyseOne({ ...segment, bytes: bytes.picture, sides: 'picture' })
    expect(picture).toMatchObject({ findings: { picture: { kind: 'absent' }, sound: null } })
    const sound = await analyseOne({ ...segment, bytes: bytes.sound, sides: 'sound' })
    expect(sound).toMatchObject({ findings: { picture: null, sound: { kind: 'absent' } } })
  })

  test('whose sound comes late is silent until then, however late that is', async () => {
    await using long = await makeClip([{ sec: 12 }], { ...small, segmentSec: 12 })
    const [whole] = await readSegments(long)
    if (whole === undefined) throw new Error('the clip has no segment')
    const late = await analyseOne({ ...whole, bytes: dropTrack(whole.bytes, 'sound', 0.8) })
    expect(spansOf(late, 'silence')).toEqual([{ fromSec: 0, toSec: expect.closeTo(9.5, 0) }])
    expect(spansOf(late, 'blackout')).toEqual([])
  })

  test.each(['-1.5', '1.5', '6.5'])('is seen alike when its sound runs on a clock %s s off', async (offsetSec) => {
    const args = ['-i', 'INPUT', '-itsoffset', offsetSec, '-i', 'INPUT', '-map', '0:v', '-map', '1:a']
    const result = await analyseOne(await remux(`off${offsetSec}.ts`, ...args, '-max_interleave_delta', '0'))
    expect(spansOf(result, 'blackout')).toEqual(near(expected, FRAME_SEC))
    expect(spansOf(result, 'silence')).toEqual(near(expected, SOUND_SEC))
  })

  test('is judged by the side that its rendition is there for', async () => {
    const picture = await analyseOne({ ...segment, sides: 'picture' })
    expect(picture).toMatchObject({ findings: { picture: { kind: 'seen' }, sound: null } })
    const sound = await analyseOne({ ...segment, sides: 'sound' })
    expect(sound).toMatchObject({ findings: { picture: null, sound: { kind: 'seen' } } })
  })

  test('whose sound stops is silent from there', async () => {
    const result = await analyseOne(
      await remux('stops.ts', '-i', 'INPUT', '-t', '3', '-i', 'INPUT', '-map', '0:v', '-map', '1:a'),
    )
    expect(spansOf(result, 'silence')).toEqual(near([{ fromSec: 2.5, toSec: 6 }], SOUND_SEC))
    expect(spansOf(result, 'blackout')).toEqual(near(expected, FRAME_SEC))
  })

  test('that is cut off in its first half has failed, and after it is seen as far as it goes', async () => {
    const cut = (share: number) => ({ ...segment, bytes: segment.bytes.subarray(0, segment.bytes.length * share) })
    expect(await analyseOne(cut(0.3))).toEqual({
      kind: 'failed',
      error: expect.stringMatching(/^segment holds .* of its 6.0 s$/),
    })
    expect(spansOf(await analyseOne(cut(0.8)), 'blackout')).toEqual(near(expected, FRAME_SEC))
  })

  test.each<[string, () => Partial<SegmentMedia>]>([
    ['is empty', () => ({ bytes: new Uint8Array() })],
    ['is a page', () => ({ bytes: Buffer.from('<html></html>') })],
    ['is a playlist', () => ({ bytes: Buffer.from('#EXTM3U\n') })],
    ['is noise', () => ({ bytes: Buffer.alloc(5000, 0x55) })],
    ['is noise in transport packets', () => ({ bytes: Buffer.alloc(188 * 50, 0x47) })],
    ['lacks its initialisation section', () => ({ bytes: Buffer.from('\0\0\0\x08moof\0\0\0\x08mdat') })],
  ])('that %s has failed', async (_, changed) => {
    expect(await analyseOne({ ...segment, ...changed() })).toEqual({
      kind: 'failed',
      error: expect.stringMatching(/^.{3,200}$/),
    })
  })
})
