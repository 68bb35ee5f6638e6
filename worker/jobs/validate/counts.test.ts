import { describe, expect, test } from 'vitest'

import { createHlsPreset, createProbe, planOrThrow } from '../testing/plans.ts'
import { checkListedAudio, checkTotals } from './counts.ts'
import type { OutputStream } from './probe-output.ts'

function aac(fields: Partial<OutputStream>): OutputStream {
  return {
    index: 1,
    codec_type: 'audio',
    codec_name: 'aac',
    codec_tag_string: 'mp4a',
    profile: 'LC',
    level: null,
    pix_fmt: '',
    width: null,
    height: null,
    r_frame_rate: null,
    avg_frame_rate: null,
    sample_rate: 48_000,
    channels: 2,
    start_time: 0,
    duration: 60,
    nb_frames: null,
    nb_read_packets: null,
    ...fields,
  }
}

describe('the audio frames of a file', () => {
  test('last as long as their track', () => {
    expect(checkListedAudio([aac({ nb_frames: 2813 })], 'a.mp4')).toEqual([])
    expect(checkListedAudio([aac({ nb_frames: null })], 'a.mp4')).toEqual([])
    expect(checkListedAudio([], 'a.mp4')).toEqual([])
  })

  test('are an error where they are there twice, or missing, although the durations are right', () => {
    const message = 'has 120.021 s of audio frames in a track of 60.000 s'
    const finding = { severity: 'error', code: 'AV_SYNC_ERROR', file: 'a.mp4', message }
    expect(checkListedAudio([aac({ nb_frames: 5626 })], 'a.mp4')).toEqual([finding])
    expect(checkListedAudio([aac({ nb_frames: 2000 })], 'a.mp4')).toHaveLength(1)
  })
})

describe('the frames of all segments', () => {
  const plan = planOrThrow(createProbe({ durationSec: 60 }, { durationSec: 60 }), createHlsPreset(720))
  const segments = Array.from({ length: 10 }, (_, i) => ({ name: `segment_0_00${i}.ts`, durationSec: 6 }))
  const listing = { file: 'stream_0.m3u8', index: 0, init: null, segments, targetDurationSec: 6 }
  const check = (video: number | null, audio: number | null) =>
    checkTotals({ video, audio }, [aac({})], { listing, plan }).map(({ code, file, message }) => [code, file, message])

  test('are as many as the playlist says', () => {
    expect(check(1800, 2814)).toEqual([])
    expect(check(null, null)).toEqual([])
  })

  test('are an error where some are missing or there twice', () => {
    const error = (message: string) => ['HLS_DURATION_MISMATCH', 'stream_0.m3u8', message]
    expect(check(1700, 2814)).toEqual([error('has 56.667 s of video frames in segments of 60.000 s')])
    expect(check(1800, 3000)).toEqual([error('has 64.000 s of audio frames in segments of 60.000 s')])
  })
})
