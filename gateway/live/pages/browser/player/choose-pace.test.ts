import { expect, test } from 'vitest'

import { choosePace, PART_PACE, SEGMENT_PACE } from './choose-pace.ts'

test('a player in time keeps its pace, and one after a stall of some seconds is faster until it has caught up', () => {
  const paces = (isFaster: boolean, behind: readonly number[], limits = SEGMENT_PACE) =>
    behind.map((sec) => choosePace(sec, isFaster, limits))
  expect(paces(false, [0, 1.9, 2.4, 2.5])).toEqual(['keep', 'keep', 'keep', 'faster'])
  expect(paces(true, [6, 3, 1.5, 0.9])).toEqual(['faster', 'faster', 'faster', 'keep'])
  expect(paces(false, [0.7, 0.9], PART_PACE)).toEqual(['keep', 'faster'])
  expect(paces(true, [0.5, 0.2], PART_PACE)).toEqual(['faster', 'keep'])
})

test('no picture is left out after the longest replacement of a worker, and far behind the newest is shown at once', () => {
  expect([12, 19, 21].map((sec) => choosePace(sec, true, SEGMENT_PACE))).toEqual(['faster', 'faster', 'jump'])
})
