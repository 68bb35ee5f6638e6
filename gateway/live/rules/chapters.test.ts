import { expect, test } from 'vitest'

import { chaptersOf, formatChapters } from './chapters.ts'

test('a corrected title, one that came back, and one after the end make no chapter', () => {
  const titles = [
    { start: 0, title: 'Typo' },
    { start: 1, title: 'One' },
    { start: 60, title: 'Two' },
    { start: 61, title: 'Three' },
    { start: 90, title: 'Three' },
    { start: 3661.5, title: 'Four' },
    { start: 4000, title: 'Too late' },
  ]
  expect(chaptersOf(titles, 4000)).toEqual([
    { start: 0, title: 'One' },
    { start: 61, title: 'Three' },
    { start: 3661.5, title: 'Four' },
  ])
})

test('one title is no chapter', () => {
  expect(chaptersOf([], 100)).toEqual([])
  expect(chaptersOf([{ start: 0, title: 'One' }], 100)).toEqual([])
})

test('each chapter ends where the next one begins, the last one with the recording', () => {
  const chapters = [
    { start: 0, title: 'a & b' },
    { start: 3661.5, title: '--> <c>' },
  ]
  expect(formatChapters(chapters, 4000)).toBe(
    'WEBVTT\n\n00:00:00.000 --> 01:01:01.500\na &amp; b\n\n01:01:01.500 --> 01:06:40.000\n--&gt; &lt;c&gt;\n',
  )
})
