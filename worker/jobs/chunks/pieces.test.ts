import { expect, it } from 'vitest'

import { findPieceProblem } from './pieces.ts'
import { findFrameProblem } from './verify-frames.ts'
import type { VideoPackets } from './video-packets.ts'

/** Returns packets with these times, in ticks, in decoding order. */
function packetsAt(times: readonly number[], ticks: number): VideoPackets {
  const packets = times.map((pts, i) => ({ pts, dts: i, duration: 1, isKey: i === 0, isHidden: false }))
  const [first, ...rest] = packets
  if (first === undefined) throw new Error('no frames')
  return { timeBase: { num: 1, den: ticks }, packets: [first, ...rest] }
}

const startRange = { fromPts: 0, endPts: 0 }
const planned = { chunk: { index: 1, first_frame: 2, end_frame: 4 }, firstPacket: 2, endPacket: 4, startRange }
const input = packetsAt([0, 40, 120, 80, 160], 1000)

it('a piece has the packets of the input 100 s later, and may have more at its end', () => {
  expect(findPieceProblem(packetsAt([100_120, 100_080], 1000), input, planned)).toBeNull()
  expect(findPieceProblem(packetsAt([100_120, 100_080, 100_160], 1000), input, planned)).toBeNull()
})

it.each([
  ['lacks a packet', packetsAt([100_120], 1000)],
  ['begins with another packet', packetsAt([100_080, 100_120], 1000)],
  ['is off by a tick', packetsAt([100_120, 100_081], 1000)],
  ['has another clock', packetsAt([100_120, 100_080], 2000)],
  ['has packets after its end that the input does not have', packetsAt([100_120, 100_080, 100_160, 100_200], 1000)],
])('a piece that %s is rejected', (_, piece) => {
  expect(findPieceProblem(piece, input, planned)).toContain('piece 1')
})

it('encoded frames must fill their range of the output’s frame grid, each at its exact time', () => {
  const fps = { num: 30_000, den: 1001 }
  const framesAt = (frames: readonly number[]) =>
    packetsAt(
      frames.map((frame) => 3_000_000 + frame * 1001),
      30_000,
    )
  const range = { first: 50, end: 53 }
  expect(findFrameProblem(framesAt([50, 52, 51]), fps, range)).toBeNull()
  expect(findFrameProblem(framesAt([50, 51]), fps, range)).toBe('has 2 frames, not 3')
  expect(findFrameProblem(framesAt([50, 51, 52, 53]), fps, range)).toBe('has 4 frames, not 3')
  expect(findFrameProblem(framesAt([50, 52, 53]), fps, range)).toBe('has a wrong timestamp at its frame 51')
})
