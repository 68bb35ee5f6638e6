import { assert, integer, nat, property } from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { EncodePlan } from '../plan/encode-plan.ts'
import { divideIntoChunks, countChunks, planPieces } from './plan-pieces.ts'
import type { VideoPackets, VideoPacket } from './video-packets.ts'

const SEC = 90_000

/** Returns the plan of an HLS output with 2 s segments at 25 frames per second. */
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
    inputHasAudio: false,
    leftOut: { video: null, audio: null },
    inputProblem: null,
    segmentSec: 2,
    durationSec: frames / 25,
    startSec: 0,
    input: {
      seekSec: null,
      shiftSec: 0,
      watchUntilSec: null,
      hasLateTrack: false,
      video: {
        index: 0,
        chunk: null,
        leadFrames: 0,
        frames,
        padFrames: 2,
        shape: { aspect: 16 / 9, stored: { width: 320, height: 180 }, isTurned: false },
        colors: { kind: 'planned', hdr: null, sdr: null, isOddSized: false, isRgb: false, matrix: null },
        fieldOrder: null,
        orientation: null,
      },
      audio: null,
    },
    ...changes,
  }
}

/** Returns packets in GOPs of `gop` frames, in each of which the second and third frames are decoded in reverse order. */
function packetsOf({ frames, gop, startSec = 0 }: { frames: number; gop: number; startSec?: number }): VideoPackets {
  const packets = Array.from({ length: frames }, (_, i): VideoPacket => {
    const inGop = i % gop
    const displayed = inGop === 1 ? i + 1 : inGop === 2 ? i - 1 : i
    const at = (frame: number) => Math.round(startSec * SEC) + frame * 3600
    return {
      pts: at(Math.min(displayed, frames - 1)),
      dts: at(i - 1),
      duration: 3600,
      isKey: inGop === 0,
      isHidden: false,
    }
  })
  const [first, ...rest] = packets
  if (first === undefined) throw new Error('no frames')
  return { timeBase: { num: 1, den: SEC }, packets: [first, ...rest] }
}

const request = (chunks: number | 'auto', freeWorkers = 0) => ({ chunks, freeWorkers })

describe('the number of chunks', () => {
  it('is the requested number, but no chunk is shorter than a segment', () => {
    expect(countChunks(planOf(1000), request(4))).toBe(4)
    expect(countChunks(planOf(1000), request(100))).toBe(20)
    expect(countChunks(planOf(99), request(4))).toBe(1)
    expect(countChunks(planOf(1000), request(1))).toBe(1)
    expect(countChunks(planOf(2_000_001), request(4))).toBe(1)
  })

  it('with auto depends on the free workers, from five minutes on, and no chunk is shorter than a minute', () => {
    const minutes = (length: number) => planOf(length * 60 * 25)
    expect(countChunks(minutes(4.9), request('auto', 8))).toBe(1)
    expect(countChunks(minutes(5), request('auto', 0))).toBe(1)
    expect(countChunks(minutes(5), request('auto', 1))).toBe(2)
    expect(countChunks(minutes(5.5), request('auto', 8))).toBe(5)
    expect(countChunks(minutes(600), request('auto', 1000))).toBe(256)
  })

  it('is 1 for an output without video', () => {
    const plan = planOf(10_000, { video: null })
    expect(countChunks(plan, request(4))).toBe(1)
    expect(planPieces(plan, { startSec: 0, track: packetsOf({ frames: 100, gop: 10 }) }, request(4))).toBeNull()
  })
})

it('chunks cover all frames without a gap, and each begins with a segment and holds at least one', () => {
  const outputs = property(integer({ min: 2, max: 300 }), integer({ min: 1, max: 300 }), nat(), (units, unit, any) => {
    const frames = units * unit + (any % unit)
    const chunks = divideIntoChunks(frames, unit, 2 + (any % (units - 1)))
    const borders = [0, ...chunks.map(({ end_frame }) => end_frame)]
    expect(chunks.map(({ first_frame }) => first_frame)).toEqual(borders.slice(0, -1))
    expect(chunks.map(({ index }) => index)).toEqual([...chunks.keys()])
    expect(borders.at(-1)).toBe(frames)
    expect(borders.slice(0, -1).every((border) => border % unit === 0)).toBe(true)
    expect(chunks.every(({ first_frame, end_frame }) => end_frame - first_frame >= unit)).toBe(true)
  })
  assert(outputs)
})

it('every piece begins with a keyframe and has all frames that its chunk and the filters need', () => {
  const inputs = property(
    integer({ min: 3, max: 60 }),
    integer({ min: 2, max: 6 }),
    nat(20),
    (gop, chunks, startSec) => {
      const track = packetsOf({ frames: 600, gop, startSec })
      const pieces = planPieces(planOf(600), { startSec, track }, request(chunks)) ?? []
      expect(pieces).toHaveLength(chunks)
      for (const { chunk, firstPacket, endPacket } of pieces) {
        const packets = track.packets.slice(firstPacket, endPacket)
        expect(packets[0]?.isKey).toBe(true)
        const held = new Set(packets.map(({ pts }) => Math.round((pts / SEC - startSec) * 25)))
        const [from, until] = [Math.max(0, chunk.first_frame - 3), Math.min(599, chunk.end_frame + 3)]
        const needed = Array.from({ length: until + 1 - from }, (_, i) => from + i)
        expect(needed.filter((frame) => !held.has(frame))).toEqual([])
      }
    },
  )
  assert(inputs, { numRuns: 40 })
})

it('there are no more chunks than keyframes to begin with', () => {
  const input = { startSec: 0, track: packetsOf({ frames: 600, gop: 290 }) }
  expect(planPieces(planOf(600), input, request(6))).toHaveLength(2)
  expect(planPieces(planOf(600), { ...input, track: packetsOf({ frames: 600, gop: 600 }) }, request(6))).toBeNull()
})

it('an input that ends long before its headers say is not split', () => {
  const input = { startSec: 0, track: packetsOf({ frames: 590, gop: 25 }) }
  expect(planPieces(planOf(592), input, request(2))).toHaveLength(2)
  expect(planPieces(planOf(600), input, request(2))).toBeNull()
})

it('an input with hidden frames after the start of its clock is not split', () => {
  const { timeBase, packets } = packetsOf({ frames: 600, gop: 25 })
  const [first, ...rest] = packets
  const hidden: VideoPackets = { timeBase, packets: [{ ...first, isHidden: true }, ...rest] }
  expect(planPieces(planOf(599), { startSec: 0, track: hidden }, request(2))).toBeNull()
  expect(planPieces(planOf(599), { startSec: 0.04, track: hidden }, request(2))).toHaveLength(2)
})
