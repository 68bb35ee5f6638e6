import { expect, test } from 'vitest'

import { choosePace } from './choose-pace.ts'

test('a player in time keeps its pace, and one after a stall of some seconds is faster until it has caught up', () => {
  expect([0, 1.9, 2.4].map((sec) => choosePace(sec, false))).toEqual(['keep', 'keep', 'keep'])
  expect([6, 3, 1.5, 0.9].map((sec) => choosePace(sec, true))).toEqual(['faster', 'faster', 'faster', 'keep'])
  expect(choosePace(2.5, false)).toBe('faster')
})

test('a player that is far behind goes to the newest picture at once', () => {
  expect([choosePace(7, false), choosePace(60, true)]).toEqual(['jump', 'jump'])
})
