import { expect, test } from 'vitest'

import { EVENT_ID, idPattern, newEventId, newId } from './ids.ts'

test('an id matches the pattern of its own prefix and of no other', () => {
  const id = newId('abc')
  expect(id).toMatch(idPattern('abc'))
  expect(id).not.toMatch(idPattern('abcd'))
  expect(`${id}\n${id}`).not.toMatch(idPattern('abc'))
  expect(newEventId()).toMatch(EVENT_ID)
})

test('ids that are made one after the other differ, and sort by age', () => {
  const ids = Array.from({ length: 100 }, () => newId('abc'))
  expect(new Set(ids).size).toBe(100)
  expect(ids.toSorted()).toEqual(ids)
})
