import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { breaksOff, findEndMismatch } from './end-mismatch.ts'
import { FfprobeOutput } from './ffprobe-output.ts'
import { createProbe } from '../jobs/testing/plans.ts'

type Declared = {
  readonly format: string
  readonly durationSec?: number
  readonly frames?: number
  readonly of?: number
}

/** Compares the headers of a file with its data, both of which begin at 0. */
function compare({ format, durationSec, frames, of: fileSec }: Declared, actualSec: number, isCut = false) {
  const stream = { index: 0, codec_type: 'video', duration: durationSec, start_time: 0, nb_frames: frames }
  const media = v.parse(FfprobeOutput, { streams: [stream], format: { format_name: format, duration: fileSec } })
  return findEndMismatch(media, [createProbe({ durationSec: actualSec }, null).video], isCut)
}

const [MP4, MKV] = ['mov,mp4,m4a,3gp,3g2,mj2', 'matroska,webm']

describe('the end of a file', () => {
  test('agrees with its headers up to some frames', () => {
    expect(compare({ format: MP4, durationSec: 6, frames: 150 }, 6)).toBeNull()
    expect(compare({ format: MKV, durationSec: 6.2 }, 6)).toBeNull()
    expect(compare({ format: 'mpegts' }, 6)).toBeNull()
  })

  test('is incomplete where data is missing that an index lists', () => {
    const mismatch = { kind: 'incomplete', declaredSec: 6, actualSec: 2 }
    expect(compare({ format: MP4, durationSec: 6, frames: 150 }, 2, true)).toEqual(mismatch)
    expect(compare({ format: MKV, durationSec: 6 }, 2, true)).toEqual(mismatch)
    // The demuxer of AVI does not say whether the file breaks off.
    expect(compare({ format: 'avi', durationSec: 6 }, 2)).toEqual(mismatch)
  })

  test('is cut where only the last fragment can be missing, or the index lists no more', () => {
    expect(compare({ format: MP4, durationSec: 6 }, 4.8, true)).toMatchObject({ kind: 'cut', actualSec: 4.8 })
    expect(compare({ format: MKV, durationSec: 6 }, 6, true)).toMatchObject({ kind: 'cut' })
  })

  test('differs from a wrong header where nothing is missing', () => {
    expect(compare({ format: MP4, durationSec: 2, frames: 150 }, 6)).toMatchObject({ kind: 'header', declaredSec: 2 })
    expect(compare({ format: MP4, durationSec: 60, frames: 150 }, 6)).toMatchObject({ kind: 'header' })
    expect(compare({ format: 'flv', of: 9 }, 6)).toMatchObject({ kind: 'header', declaredSec: 9 })
  })
})

test('the messages of demuxers for a file that breaks off are known', () => {
  expect(breaksOff('[mov,mp4 @ 0x1] stream 0, offset 0x6e024: partial file')).toBe(true)
  expect(breaksOff('[matroska,webm @ 0x1] File ended prematurely at pos. 500 (0x1f4)')).toBe(true)
  expect(breaksOff('[h264 @ 0x1] mmco: unref short failure')).toBe(false)
})
