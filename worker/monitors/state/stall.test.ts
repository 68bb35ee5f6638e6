import { expect, test } from 'vitest'

import { at, isoAt, playlist, segment, span, STARTED, replay, eventTypes } from '../../testing/monitor-scenario.ts'

const nothingNew = (sec: number, targetSec = 2) => playlist(at(sec), null, targetSec)

test('a stream without a new segment for ten seconds is suspended, and resumed by the next one', () => {
  const result = replay([nothingNew(9.9), nothingNew(10), nothingNew(15), playlist(at(21), at(19))], { from: STARTED })

  expect(result.events).toEqual([
    { event_type: 'stream.suspended', timestamp: isoAt(10), data: { last_segment_at: isoAt(0), stalled_sec: 10 } },
    { event_type: 'stream.resumed', timestamp: isoAt(21), data: { suspended_sec: 21 } },
  ])
})

test('a stream is suspended once any rendition stalls, and resumed once all move', () => {
  const picture = (sec: number, hasNew: boolean) => playlist(at(sec), hasNew ? at(sec) : null, 2, { tracks: 'picture' })
  const sound = (sec: number, hasNew: boolean) => playlist(at(sec), hasNew ? at(sec) : null, 2, { tracks: 'sound' })
  const both = [picture(1, true), sound(1, true), sound(10, true), picture(11, false), sound(12, true)]
  const result = replay([...both, sound(22, false), picture(23, true), sound(24, true)])

  expect(result.events.slice(1)).toEqual([
    { event_type: 'stream.suspended', timestamp: isoAt(11), data: { last_segment_at: isoAt(1), stalled_sec: 10 } },
    { event_type: 'stream.resumed', timestamp: isoAt(24), data: { suspended_sec: 23 } },
  ])
})

test('no stream is suspended after one of its playlists has ended', () => {
  const ended = [
    playlist(at(1), at(1), 2, { tracks: 'picture' }),
    playlist(at(1), at(1), 2, { tracks: 'sound' }),
    playlist(at(2), null, 2, { tracks: 'picture', isEnded: true }),
    playlist(at(30), null, 2, { tracks: 'sound' }),
    playlist(at(30), null, 2, { tracks: 'picture', isEnded: true }),
  ]
  expect(eventTypes(replay(ended))).toEqual(['stream.started'])
})

test('a playlist of long segments stalls after two target durations', () => {
  expect(replay([nothingNew(15.9, 8)], { from: STARTED }).events).toEqual([])
  expect(eventTypes(replay([nothingNew(16, 8)], { from: STARTED }))).toEqual(['stream.suspended'])
})

test('a stand of the playlist is no gap of the media where its segments go on', () => {
  const stood = (isContinuous: boolean) => {
    const moved = playlist(at(20), at(3), 2)
    if (moved.kind !== 'playlist') throw new Error('playlist() makes playlists')
    return [
      segment(0, 3, { black: [span(0, 3)] }),
      nothingNew(15),
      { ...moved, isContinuous },
      segment(3, 3, { black: [span(0, 3)] }),
    ]
  }
  const types = (isContinuous: boolean) => eventTypes(replay(stood(isContinuous), { from: STARTED }))
  expect(types(true)).toEqual(['stream.suspended', 'stream.resumed', 'alert.blackout'])
  expect(types(false)).toEqual(['stream.suspended', 'stream.resumed'])
})

test('a playlist that cannot be fetched does not stall', () => {
  const failed = (sec: number) =>
    ({ kind: 'playlist_failed', atMs: at(sec), beganMs: at(sec), tracks: 'both', error: 'HTTP 500' }) as const
  expect(replay([failed(5), failed(30)], { from: STARTED }).events).toEqual([])
})
