import { expect, it } from 'vitest'

import { pieceProblem } from './cut.ts'
import { framesProblem } from './encoded-frames.ts'
import type { Picture } from './picture.ts'

/** Frames at these times, in ticks, in the order of decoding. */
function pictureAt(times: readonly number[], ticks: number): Picture {
  const packets = times.map((pts, i) => ({ pts, dts: i, duration: 1, isKey: i === 0, isHidden: false }))
  const [first, ...rest] = packets
  if (first === undefined) throw new Error('no frames')
  return { timeBase: { num: 1, den: ticks }, packets: [first, ...rest] }
}

const seam = { fromPts: 0, endPts: 0 }
const cut = { chunk: { index: 1, first_frame: 2, end_frame: 4 }, firstPacket: 2, endPacket: 4, seam }
const source = pictureAt([0, 40, 120, 80, 160], 1000)

it('a piece has the packets of the source a hundred seconds later, and may have more', () => {
  expect(pieceProblem(pictureAt([100_120, 100_080], 1000), source, cut)).toBeNull()
  expect(pieceProblem(pictureAt([100_120, 100_080, 100_160], 1000), source, cut)).toBeNull()
})

it.each([
  ['lacks a packet', pictureAt([100_120], 1000)],
  ['begins with another packet', pictureAt([100_080, 100_120], 1000)],
  ['is off by a tick', pictureAt([100_120, 100_081], 1000)],
  ['counts other ticks', pictureAt([100_120, 100_080], 2000)],
  ['goes on with packets that the source does not have', pictureAt([100_120, 100_080, 100_160, 100_200], 1000)],
])('a piece that %s is not used', (_, piece) => {
  expect(pieceProblem(piece, source, cut)).toContain('piece 1')
})

it('encoded frames stand on the grid of the whole output, each where it belongs', () => {
  const fps = { num: 30_000, den: 1001 }
  const grid = (frames: readonly number[]) =>
    pictureAt(
      frames.map((frame) => 3_000_000 + frame * 1001),
      30_000,
    )
  const span = { first: 50, end: 53 }
  expect(framesProblem(grid([50, 52, 51]), fps, span)).toBeNull()
  expect(framesProblem(grid([50, 51]), fps, span)).toBe('has 2 frames, not 3')
  expect(framesProblem(grid([50, 51, 52, 53]), fps, span)).toBe('has 4 frames, not 3')
  expect(framesProblem(grid([50, 52, 53]), fps, span)).toBe('has another time at its frame 51')
})
