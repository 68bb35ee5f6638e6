import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { FfprobeDisposition, type FfprobePacket, type FfprobeStream } from './ffprobe-output.ts'
import { createPacketTally, measureTrackExtent } from './packet-tally.ts'

const STREAM: FfprobeStream = {
  index: 0,
  codec_type: 'video',
  codec_name: 'h264',
  codec_tag_string: 'avc1',
  width: 320,
  height: 180,
  sample_aspect_ratio: '1:1',
  pix_fmt: 'yuv420p',
  field_order: undefined,
  color_range: undefined,
  color_space: undefined,
  color_transfer: undefined,
  color_primaries: undefined,
  r_frame_rate: '25/1',
  avg_frame_rate: '25/1',
  start_time: 0,
  duration: undefined,
  nb_frames: undefined,
  channels: 0,
  sample_rate: undefined,
  disposition: v.parse(FfprobeDisposition, { default: 1 }),
  tags: { DURATION: undefined },
  side_data_list: [],
}

/** Returns packets of 0.04 s from one time to another; `changes` replace fields of each. */
function packetsOf(fromSec: number, toSec: number, changes: Partial<FfprobePacket> = {}): FfprobePacket[] {
  return Array.from({ length: Math.round((toSec - fromSec) / 0.04) }, (_, i) => {
    const sec = fromSec + i * 0.04
    return { stream_index: 0, pts_time: sec, dts_time: sec, duration_time: 0.04, flags: 'K_', ...changes }
  })
}

/** Returns where a track begins and ends. */
function extentOf(stream: Partial<FfprobeStream>, packets: readonly FfprobePacket[]): [number, number] {
  const whole = { ...STREAM, ...stream }
  const tally = createPacketTally([whole])
  for (const packet of packets) tally.add(packet)
  const { startSec, durationSec } = measureTrackExtent(whole, tally.totalsOf(0))
  return [startSec, Math.round((startSec + durationSec) * 1000) / 1000]
}

describe('a track lasts', () => {
  test('as long as its header says where its packets agree, although these are less exact', () => {
    expect(extentOf({ duration: 5.98 }, packetsOf(0, 6))).toEqual([0, 5.98])
    expect(extentOf({ duration: 6.05 }, packetsOf(0, 6))).toEqual([0, 6.05])
  })

  test('as long as its packets where the header says less, or more', () => {
    expect(extentOf({ duration: 2 }, packetsOf(0, 6))).toEqual([0, 6])
    expect(extentOf({ duration: 60 }, packetsOf(0, 6))).toEqual([0, 6])
    // A duration of 32 bits that has overflowed.
    expect(extentOf({ duration: 47_721.858 }, packetsOf(0, 6))).toEqual([0, 6])
  })

  test('to the end of its packets where ffprobe counts a duration from the start of the file', () => {
    expect(extentOf({ start_time: 0.6, duration: 6 }, packetsOf(0.6, 6))).toEqual([0.6, 6])
    expect(extentOf({ start_time: 0.6, duration: 5.4 }, packetsOf(0.6, 6))).toEqual([0.6, 6])
  })

  test('without the packets at either end that players discard', () => {
    const hidden = { flags: 'KD' }
    const packets = [...packetsOf(-0.4, 0, hidden), ...packetsOf(0, 6), ...packetsOf(6, 9, hidden)]
    expect(extentOf({ duration: 9 }, packets)).toEqual([0, 6])
  })

  test('as long as a last picture may be held, but not longer', () => {
    const slides = [0, 10, 20].map((sec) => packetsOf(sec, sec + 0.04)).flat()
    expect(extentOf({ duration: 30 }, slides)).toEqual([0, 30])
    expect(extentOf({ duration: 60 }, slides)).toEqual([0, 20.04])
    expect(extentOf({ codec_type: 'audio', duration: 30 }, slides)).toEqual([0, 20.04])
  })

  test('as long as its header says where the duration of the last packet is a guess', () => {
    const guessed = [0, 60, 120].map((sec) => packetsOf(sec, sec + 0.04, { duration_time: 48 })).flat()
    expect(extentOf({ duration: 120.04 }, guessed)).toEqual([0, 120.04])
  })

  test('from its first packet, where ffprobe names the start of a later one', () => {
    expect(extentOf({ start_time: 4, duration: 6 }, packetsOf(0, 6))).toEqual([0, 6])
    // The priming samples of an encoder do not count.
    expect(extentOf({ start_time: 0.025, duration: 5.975 }, packetsOf(0, 6))).toEqual([0.025, 6])
  })

  test('as long as its header says where its packets were not read', () => {
    const whole = { ...STREAM, duration: 5 }
    expect(measureTrackExtent(whole, createPacketTally([whole]).totalsOf(0))).toEqual({ startSec: 0, durationSec: 5 })
  })
})
