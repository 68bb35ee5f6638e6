import { assert, integer, nat, property } from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { EncodePlan } from '../encode-plan.ts'
import { chunksOf, chunksWanted, planChunks } from './grid.ts'
import type { Picture, PicturePacket } from './picture.ts'

const SEC = 90_000

/** A ladder of 2 s segments at 25 frames a second. */
function planOf(frames: number, changes: Partial<EncodePlan> = {}): EncodePlan {
  return {
    container: 'hls',
    outputType: 'hls',
    video: {
      codec: 'h264',
      speed: 'fast',
      fps: { num: 25, den: 1 },
      gopFrames: 50,
      renditions: [{ index: 0, width: 320, height: 180, crf: 24, kbps: null }],
      isDeinterlaced: false,
      isToneMapped: false,
    },
    audio: null,
    sourceHasAudio: false,
    segmentSec: 2,
    durationSec: frames / 25,
    startSec: 0,
    reading: {
      seekSec: null,
      shiftSec: 0,
      picture: { index: 0, chunk: null, leadFrames: 0, frames, padFrames: 2, hdr: null, isRgb: false, turn: null },
      sound: null,
    },
    ...changes,
  }
}

/** Frames in groups of `gop`, in each of which the second and the third change places when they are decoded. */
function pictureOf({ frames, gop, startSec = 0 }: { frames: number; gop: number; startSec?: number }): Picture {
  const packets = Array.from({ length: frames }, (_, i): PicturePacket => {
    const inGop = i % gop
    const shown = inGop === 1 ? i + 1 : inGop === 2 ? i - 1 : i
    const at = (frame: number) => Math.round(startSec * SEC) + frame * 3600
    return { pts: at(Math.min(shown, frames - 1)), dts: at(i - 1), duration: 3600, isKey: inGop === 0, isHidden: false }
  })
  const [first, ...rest] = packets
  if (first === undefined) throw new Error('no frames')
  return { timeBase: { num: 1, den: SEC }, packets: [first, ...rest] }
}

const many = (chunks: number | 'auto', freeWorkers = 0) => ({ chunks, freeWorkers })

describe('how many chunks', () => {
  it('a number is taken at its word, but no chunk is shorter than a segment', () => {
    expect(chunksWanted(planOf(1000), many(4))).toBe(4)
    expect(chunksWanted(planOf(1000), many(100))).toBe(20)
    expect(chunksWanted(planOf(99), many(4))).toBe(1)
    expect(chunksWanted(planOf(1000), many(1))).toBe(1)
    expect(chunksWanted(planOf(2_000_001), many(4))).toBe(1)
  })

  it('auto splits from five minutes on, as far as workers are free, into chunks of a minute or more', () => {
    const minutes = (length: number) => planOf(length * 60 * 25)
    expect(chunksWanted(minutes(4.9), many('auto', 8))).toBe(1)
    expect(chunksWanted(minutes(5), many('auto', 0))).toBe(1)
    expect(chunksWanted(minutes(5), many('auto', 1))).toBe(2)
    expect(chunksWanted(minutes(5.5), many('auto', 8))).toBe(5)
    expect(chunksWanted(minutes(600), many('auto', 1000))).toBe(256)
  })

  it('an output without a picture is not split', () => {
    const plan = planOf(10_000, { video: null })
    expect(chunksWanted(plan, many(4))).toBe(1)
    expect(planChunks(plan, { startSec: 0, picture: pictureOf({ frames: 100, gop: 10 }) }, many(4))).toBeNull()
  })
})

it('chunks follow one another without a gap over all frames, and each begins with a segment and holds one', () => {
  const outputs = property(integer({ min: 2, max: 300 }), integer({ min: 1, max: 300 }), nat(), (units, unit, any) => {
    const frames = units * unit + (any % unit)
    const chunks = chunksOf(frames, unit, 2 + (any % (units - 1)))
    const borders = [0, ...chunks.map(({ end_frame }) => end_frame)]
    expect(chunks.map(({ first_frame }) => first_frame)).toEqual(borders.slice(0, -1))
    expect(chunks.map(({ index }) => index)).toEqual([...chunks.keys()])
    expect(borders.at(-1)).toBe(frames)
    expect(borders.slice(0, -1).every((border) => border % unit === 0)).toBe(true)
    expect(chunks.every(({ first_frame, end_frame }) => end_frame - first_frame >= unit)).toBe(true)
  })
  assert(outputs)
})

it('every piece begins with a key frame and has all that its frames and its filters need', () => {
  const sources = property(
    integer({ min: 3, max: 60 }),
    integer({ min: 2, max: 6 }),
    nat(20),
    (gop, chunks, startSec) => {
      const picture = pictureOf({ frames: 600, gop, startSec })
      const cuts = planChunks(planOf(600), { startSec, picture }, many(chunks)) ?? []
      expect(cuts).toHaveLength(chunks)
      for (const { chunk, firstPacket, endPacket } of cuts) {
        const piece = picture.packets.slice(firstPacket, endPacket)
        expect(piece[0]?.isKey).toBe(true)
        const held = new Set(piece.map(({ pts }) => Math.round((pts / SEC - startSec) * 25)))
        const [from, until] = [Math.max(0, chunk.first_frame - 3), Math.min(599, chunk.end_frame + 3)]
        const needed = Array.from({ length: until + 1 - from }, (_, i) => from + i)
        expect(needed.filter((frame) => !held.has(frame))).toEqual([])
      }
    },
  )
  assert(sources, { numRuns: 40 })
})

it('there are as many chunks as there are key frames to begin with', () => {
  const source = { startSec: 0, picture: pictureOf({ frames: 600, gop: 290 }) }
  expect(planChunks(planOf(600), source, many(6))).toHaveLength(2)
  expect(planChunks(planOf(600), { ...source, picture: pictureOf({ frames: 600, gop: 600 }) }, many(6))).toBeNull()
})

it('a source that ends long before its headers say is not split', () => {
  const source = { startSec: 0, picture: pictureOf({ frames: 590, gop: 25 }) }
  expect(planChunks(planOf(592), source, many(2))).toHaveLength(2)
  expect(planChunks(planOf(600), source, many(2))).toBeNull()
})

it('a source with hidden frames where its clock runs already is not split', () => {
  const { timeBase, packets } = pictureOf({ frames: 600, gop: 25 })
  const [first, ...rest] = packets
  const hidden: Picture = { timeBase, packets: [{ ...first, isHidden: true }, ...rest] }
  expect(planChunks(planOf(599), { startSec: 0, picture: hidden }, many(2))).toBeNull()
  expect(planChunks(planOf(599), { startSec: 0.04, picture: hidden }, many(2))).toHaveLength(2)
})
