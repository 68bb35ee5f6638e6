import { expect, test } from 'vitest'

import type { PartEvent } from '../../../shared/contract/live.ts'
import { createPlaylistCache, type PlaylistRequest } from './playlist-cache.ts'
import { formatMedia } from './playlist.ts'
import type { PlaylistWindow } from './playlist-window.ts'

const WINDOW: PlaylistWindow = {
  segments: [],
  isRecording: false,
  runs: [],
  end: null,
  hasEnded: false,
  parts: [],
  filesBase: '',
  partsBase: '',
}
const REQUEST: PlaylistRequest = { streamId: 'one', rung: '360', isDelta: false }
const PART: PartEvent = {
  epoch: 1,
  run: 1,
  n: 0,
  part: 0,
  rung: '360',
  duration_sec: 0.333,
  is_independent: true,
  program_date_time: '2026-11-29T00:00:00.000Z',
}
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

test('a playlist is formatted once until its window changes', () => {
  const cache = createPlaylistCache()
  const first = cache.format(WINDOW, REQUEST)
  expect(textOf(first)).toBe(formatMedia(WINDOW, '360', false))
  expect(cache.format({ ...WINDOW }, REQUEST)).toBe(first)
  const withPart = { ...WINDOW, parts: [PART] }
  expect(textOf(cache.format(withPart, REQUEST))).toBe(formatMedia(withPart, '360', false))
  const withoutParts = { ...WINDOW, parts: null }
  expect(textOf(cache.format(withoutParts, REQUEST))).toBe(formatMedia(withoutParts, '360', false))
  const ended = { ...WINDOW, hasEnded: true }
  expect(textOf(cache.format(ended, REQUEST))).toContain('#EXT-X-ENDLIST')
})

test('each broadcast, each rendition and each delta update has a playlist of its own', () => {
  const cache = createPlaylistCache()
  const window = { ...WINDOW, parts: [PART, { ...PART, rung: '180', part: 1 }] }
  const other = { ...window, filesBase: 'a secret/', partsBase: 'a secret/' }
  for (const rung of ['180', '360', '100', '999']) {
    for (const isDelta of [false, true]) {
      expect(textOf(cache.format(window, { streamId: 'one', rung, isDelta }))).toBe(formatMedia(window, rung, isDelta))
      expect(textOf(cache.format(other, { streamId: 'two', rung, isDelta }))).toBe(formatMedia(other, rung, isDelta))
    }
  }
})
