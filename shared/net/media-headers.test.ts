import { expect, test } from 'vitest'

import { chooseMediaHeaders, chooseSingleFileHeaders } from './media-headers.ts'

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
])('%s is served as %s, and revalidated each time because a later output may replace it', (name, contentType) => {
  expect(chooseMediaHeaders(name)).toEqual({ contentType, cacheControl: 'no-cache' })
})

test('a single output is served by its content: video/mp4 with a picture, audio/mp4 without', () => {
  expect(chooseSingleFileHeaders(true).contentType).toBe('video/mp4')
  expect(chooseSingleFileHeaders(false).contentType).toBe('audio/mp4')
})
