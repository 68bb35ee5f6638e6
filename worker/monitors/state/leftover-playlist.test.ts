import { expect, test } from 'vitest'

import { at, CONFIG, isoAt, START_MS, STARTED } from '../../testing/monitor-scenario.ts'
import type { StreamResolution, StreamSource } from '../stream.ts'
import { exceptLeftover } from './leftover-playlist.ts'
import { INITIAL_STATE } from './monitor-state.ts'

const DIRECT: StreamSource = { renditions: [], title: null, by: 'direct', expiresAtMs: null }
const SCHEDULED = { ...CONFIG, scheduled_start_time: isoAt(600), start_delay_tolerance_sec: 60 }

const ended = (newestMs?: number, by: StreamSource['by'] = 'direct'): StreamResolution => ({
  kind: 'ended',
  reason: 'endlist_detected',
  source: { ...DIRECT, by },
  ...(newestMs === undefined ? {} : { newestMs }),
})

test.each([
  ['of an event that is not late yet', ended(), 660, 'upcoming'],
  ['of an event that is late', ended(), 661, 'ended'],
  ['whose program times are before the event', ended(at(599)), 10_000, 'upcoming'],
  ['whose program times are in the event', ended(at(601)), 601, 'ended'],
  ['of a page', ended(undefined, 'yt-dlp'), 0, 'ended'],
])('an ended playlist %s is as it should be', (_, resolution, nowSec, kind) => {
  const answer = exceptLeftover(resolution, { state: INITIAL_STATE, config: SCHEDULED, atMs: at(nowSec) })
  expect(answer.kind).toBe(kind)
})

test('an ended playlist is an end without a scheduled start, and once the stream was watched', () => {
  expect(exceptLeftover(ended(), { state: INITIAL_STATE, config: CONFIG, atMs: START_MS }).kind).toBe('ended')
  expect(exceptLeftover(ended(), { state: STARTED, config: SCHEDULED, atMs: START_MS }).kind).toBe('ended')
})
