import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { FfprobeOutput } from './ffprobe-output.ts'
import { findFilmRate, isCadenceKept } from './film-rate.ts'
import type { SampledFrame } from './scan-type.ts'

/** Returns frames that are shown for two fields of this rate, and for one more where the cadence says so. */
function cadence(fieldsPerSec: number, repeats: readonly number[]): SampledFrame[] {
  let fields = 0
  return Array.from({ length: 40 }, (_, i) => {
    const repeatedFields = repeats[i % repeats.length] ?? 0
    const timeSec = fields / fieldsPerSec
    fields += 2 + repeatedFields
    return { isInterlaced: false, isTopFirst: true, repeatedFields, timeSec }
  })
}

function rateOf(shown: string, frames: readonly SampledFrame[]): string | null {
  const { streams } = v.parse(FfprobeOutput, {
    streams: [{ index: 0, codec_type: 'video', r_frame_rate: shown }],
    format: { format_name: 'mpegts' },
  })
  const [stream] = streams
  if (stream === undefined) throw new Error('there is no track')
  return findFilmRate(stream, frames)
}

const NTSC_FIELDS = 60_000 / 1001

describe('the rate of a film', () => {
  test('is 23.976 where every other frame has a third field, and 24 at a whole rate', () => {
    expect(rateOf('60000/1001', cadence(NTSC_FIELDS, [1, 0]))).toBe('24000/1001')
    expect(rateOf('24000/1001', cadence(NTSC_FIELDS, [0, 1]))).toBe('24000/1001')
    expect(rateOf('60/1', cadence(60, [1, 0]))).toBe('24/1')
  })

  test('is 24 where one frame in twelve has a third field, and 29.97 where each frame is shown twice', () => {
    expect(rateOf('25/1', cadence(50, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))).toBe('24/1')
    expect(rateOf('60000/1001', cadence(NTSC_FIELDS * 2, [2]))).toBe('30000/1001')
  })

  test('is not searched for without repeated fields, in few frames, or at no rate of films', () => {
    expect(rateOf('30000/1001', cadence(NTSC_FIELDS, [0]))).toBeNull()
    expect(rateOf('60000/1001', cadence(NTSC_FIELDS, [1, 0]).slice(0, 8))).toBeNull()
    expect(rateOf('60000/1001', cadence(NTSC_FIELDS, [1]))).toBeNull()
  })

  test('must hold at other places, as far as frames can be read there', () => {
    expect(isCadenceKept(cadence(NTSC_FIELDS, [0, 1]))).toBe(true)
    expect(isCadenceKept(cadence(NTSC_FIELDS, [0]))).toBe(false)
    expect(isCadenceKept([])).toBe(true)
  })
})
