import { expect, test } from 'vitest'

import {
  describeNumbers,
  findGaps,
  findLongestFreeze,
  findMissing,
  measureDelays,
  medianOf,
  type ShownPicture,
} from './viewing.ts'

/** Pictures of these numbers at 10 frames a second, a second after they were sent. */
function show(...numbers: readonly number[]): readonly ShownPicture[] {
  return numbers.map((number) => ({ number, atMs: number * 100 + 1000, mediaSec: number / 10 }))
}

test('a delay is measured from sending a frame to its first picture', () => {
  const pictures = [...show(0, 1, 2), { number: 2, atMs: 9000, mediaSec: 0.2 }]
  const delays = measureDelays({ pictures, events: [] }, (number) => (number === 1 ? null : number * 100))
  expect(delays).toEqual([1, 1])
  expect(medianOf([3, 1, 2])).toBe(2)
})

test('a picture that stays is a freeze, however often it is drawn', () => {
  const [first, second, third] = show(0, 1, 2)
  const pictures = [first, second, { ...second, atMs: 3000 }, { ...third, atMs: 3600 }] as readonly ShownPicture[]
  expect(findLongestFreeze({ pictures, events: [] })).toBeCloseTo(2.5)
})

test('frames that the browser did not draw are no gap; a jump in the media or by the player is one', () => {
  const drawn = show(0, 1, 4, 5)
  expect(findGaps({ pictures: drawn, events: [] }, 10)).toEqual([])
  expect(findGaps({ pictures: drawn, events: [{ type: 'seeking', atMs: 1300 }] }, 10)).toEqual([
    { before: 1, after: 4 },
  ])
  const squeezed = [...show(0, 1), { number: 31, atMs: 1200, mediaSec: 0.2 }]
  expect(findGaps({ pictures: squeezed, events: [] }, 10)).toEqual([{ before: 1, after: 31 }])
  expect(findGaps({ pictures: show(5, 3), events: [] }, 10)).toEqual([])
  expect(findGaps({ pictures: [...show(5), { number: 3, atMs: 1600, mediaSec: 0.6 }], events: [] }, 10)).toHaveLength(1)
})

test('missing numbers are listed as ranges', () => {
  expect(describeNumbers(findMissing([0, 1, 5, 7], 0, 10))).toBe('2–4, 6, 8–9')
})
