import { describe, expect, it } from 'vitest'

import type { OutputPlan } from '../plan/output-plan.ts'
import { layOutSprite, formatSpriteTrack } from './sprite.ts'

function plan(durationSec: number, [width = 0, height = 0]: readonly number[] = [1280, 720]): OutputPlan {
  const rendition = { index: 0, width, height, crf: 23, kbps: null }
  const kind = { codec: 'h264', speed: 'fast', fps: { num: 25, den: 1 }, gopFrames: 50 } as const
  return {
    container: 'mp4',
    outputType: 'single',
    video: { ...kind, renditions: [rendition], isDeinterlaced: false, isToneMapped: false },
    audio: null,
    inputHasAudio: false,
    leftOut: { video: null, audio: null },
    inputProblem: null,
    segmentSec: null,
    durationSec,
    startSec: 0,
  }
}

describe('thumbnails are laid out', () => {
  it.each([
    ['a short clip, at its keyframes', 5, { intervalSec: 2, tiles: 3, columns: 3, rows: 1, sheets: 1 }],
    ['five minutes, on one full sheet', 300, { intervalSec: 3, tiles: 100, columns: 10, rows: 10, sheets: 1 }],
    ['a film, on several sheets', 5400, { intervalSec: 10, tiles: 540, columns: 10, rows: 10, sheets: 6 }],
    ['a clip of one frame', 0.04, { intervalSec: 2, tiles: 1, columns: 1, rows: 1, sheets: 1 }],
  ])('of %s', (_, durationSec, layout) => {
    expect(layOutSprite(plan(durationSec))).toMatchObject(layout)
  })

  it.each([
    [[1280, 720], { tileWidth: 160, tileHeight: 90 }],
    [[720, 1280], { tileWidth: 90, tileHeight: 160 }],
    [[854, 480], { tileWidth: 160, tileHeight: 90 }],
    [[2000, 64], { tileWidth: 160, tileHeight: 6 }],
  ])('of video of %s, undistorted and with even sides', (size, tile) => {
    expect(layOutSprite(plan(5, size))).toMatchObject(tile)
  })

  it('not for an output without video', () => {
    expect(layOutSprite({ ...plan(5), video: null })).toBeNull()
  })
})

it('each cue has its place on its sheet, and the last ends with the output', () => {
  const layout = {
    ...layOutSprite(plan(5)),
    intervalSec: 2,
    tiles: 3,
    tileWidth: 160,
    tileHeight: 90,
    columns: 1,
    rows: 2,
    sheets: 2,
  }
  expect(formatSpriteTrack(layout, 4.5, ['a b.jpg', 'c.jpg'])).toBe(
    [
      'WEBVTT\n',
      '00:00:00.000 --> 00:00:02.000\na%20b.jpg#xywh=0,0,160,90\n',
      '00:00:02.000 --> 00:00:04.000\na%20b.jpg#xywh=0,90,160,90\n',
      '00:00:04.000 --> 00:00:04.500\nc.jpg#xywh=0,0,160,90\n',
    ].join('\n'),
  )
})

it('timestamps may exceed an hour', () => {
  const layout = { intervalSec: 3661.5, tiles: 2, tileWidth: 2, tileHeight: 2, columns: 2, rows: 1, sheets: 1 }
  expect(formatSpriteTrack(layout, 7200, ['s.jpg'])).toContain('01:01:01.500 --> 02:00:00.000')
})
