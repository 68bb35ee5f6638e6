import { expect, test } from 'vitest'

import { mediaHeadersOf, singleHeadersOf } from './media-headers.ts'

test.each([
  ['movie.mp4', 'video/mp4'],
  ['MOVIE.MP4', 'video/mp4'],
  ['song.M4A', 'audio/mp4'],
  ['movie.mov', 'video/mp4'],
  ['noext', 'video/mp4'],
  ['ts', 'video/mp4'],
  ['a.ts.mp4', 'video/mp4'],
  ['page.html', 'video/mp4'],
  ['master.m3u8', 'application/vnd.apple.mpegurl'],
])('by its name alone %s is %s, and may be another one the next time', (name, contentType) => {
  expect(mediaHeadersOf(name)).toEqual({ contentType, cacheControl: 'no-cache' })
})

test('a single output is what it holds', () => {
  expect(singleHeadersOf(true).contentType).toBe('video/mp4')
  expect(singleHeadersOf(false).contentType).toBe('audio/mp4')
})
