import * as v from 'valibot'
import { expect, test } from 'vitest'

import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import { createLog } from '../../../shared/log.ts'
import { makeClip } from '../../../shared/testing/clips.ts'
import { readSegments, SMALL_CLIP } from '../../testing/analyze-clip.ts'
import { at, CONFIG, PROGRESS, replay, STARTED } from '../../testing/monitor-scenario.ts'
import { createSegmentProbe, type DownloadedSegment, type SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext, StreamClient } from '../monitor-context.ts'
import { MonitorState } from '../state/monitor-state.ts'
import type { TrackKind } from '../stream.ts'
import { inspectSegment } from './inspect-segment.ts'

const never = new AbortController().signal

type InspectionOptions = {
  readonly declared?: readonly TrackKind[]
  /** Returns the initialization section that the server has by now. */
  readonly renewInit?: StreamClient['renewInit']
}

/** Inspects the segments of workers in a row: each knows the stored state only. Returns the types of the events and the last state. */
async function inspectInWorkers(
  workers: readonly (readonly DownloadedSegment[])[],
  changed: Partial<MonitorConfig>,
  { declared = [], renewInit = async () => null }: InspectionOptions = {},
) {
  const config = { ...CONFIG, ...changed }
  let state: MonitorState = STARTED
  const types: string[] = []
  let nowSec = 0
  const context: MonitorContext = {
    monitor: {
      state: () => state,
      observe(observation) {
        const after = replay([observation], { from: state, config })
        state = after.state
        types.push(...after.events.map((event) => event.event_type))
      },
    },
    config,
    client: {
      resolve: () => Promise.reject(new Error('not called')),
      fetchPlaylist: () => Promise.reject(new Error('not called')),
      fetchSegment: () => Promise.reject(new Error('not called')),
      renewInit,
    },
    clock: { nowMs: () => at(nowSec) },
    lifetime: { stopping: never, killed: never },
    log: createLog('test', 'error', () => {}),
  }
  const inspect = async ({ bytes, map, durationSec }: DownloadedSegment, probe: SegmentProbe) => {
    const place = { sequence: null, url: '', durationSec, programDateTimeMs: at(nowSec), discontinuity: false }
    const segment = { ...place, byteRange: null, map: null, encryption: null }
    const fetched = { kind: 'ok', bytes, map, isTruncated: false } as const
    const position = {
      beganMs: at(nowSec),
      startMs: at(nowSec),
      isAfterGap: false,
      isContinuous: true,
      declared,
      confirm: async () => true,
    }
    await inspectSegment({ segment, fetched, progress: PROGRESS, probe, ...position }, context)
    nowSec += durationSec
  }
  for (const segments of workers) {
    state = v.parse(MonitorState, JSON.parse(JSON.stringify(state)))
    await using probe = createSegmentProbe({ ffmpegPath: 'ffmpeg', config })
    for (const segment of segments) await inspect(segment, probe)
  }
  return { types, state }
}

test('a large frozen picture with one keyframe per segment stays frozen after a restart', async () => {
  await using clip = await makeClip([{ sec: 12, video: 'still' }], { ...SMALL_CLIP, size: '496x490', segmentSec: 6 })
  const segments = await readSegments(clip)

  const changed = { freeze_threshold_sec: 7, blackout_threshold_sec: 30 }
  expect((await inspectInWorkers([segments, segments], changed)).types).toEqual(['alert.freeze'])
})

test('sound that is missing stays missing after a restart', async () => {
  const shape = { ...SMALL_CLIP, container: 'fmp4' } as const
  await using whole = await makeClip([{ sec: 2 }], shape)
  await using silent = await makeClip([{ sec: 6 }], { ...shape, withAudio: false })
  const segments = [...(await readSegments(whole)), ...(await readSegments(silent))].map((segment) => [segment])

  const changed = { silence_threshold_sec: 3600, track_threshold_sec: 3 }
  expect((await inspectInWorkers(segments, changed)).types).toEqual(['alert.track_missing'])
})

test('sound that the playlist declares is missing where the segments have none from the start', async () => {
  await using clip = await makeClip([{ sec: 4 }], { ...SMALL_CLIP, withAudio: false })
  const segments = await readSegments(clip)
  const changed = { silence_threshold_sec: 3600, track_threshold_sec: 3 }

  expect((await inspectInWorkers([segments], changed, { declared: ['picture', 'sound'] })).types).toEqual([
    'alert.track_missing',
  ])
  expect((await inspectInWorkers([segments], changed, { declared: ['picture'] })).types).toEqual([])
})

test('segments that are encrypted by their media alone are no failure: both sides are encrypted, said once', async () => {
  await using clip = await makeClip([{ sec: 4 }], { ...SMALL_CLIP, container: 'fmp4' })
  const encrypt = (bytes: Uint8Array | null) => {
    const text = Buffer.from(bytes ?? []).toString('latin1')
    return Buffer.from(text.replaceAll('avc1', 'encv').replaceAll('mp4a', 'enca'), 'latin1')
  }
  const segments = (await readSegments(clip)).map((segment) => ({ ...segment, map: encrypt(segment.map) }))

  const { types, state } = await inspectInWorkers([segments], {})
  expect(types).toEqual(['monitor.degraded'])
  expect(state.degradations).toMatchObject([{ cause: 'encrypted' }])
  expect(state.health).toMatchObject({ video: 'encrypted', audio: 'encrypted' })
  expect(state.statistics).toMatchObject({ segments_failed: 0, segments_skipped: segments.length })
})

test.each([
  ['without sound', { withAudio: false }],
  ['with another picture', { bFrames: 2 }],
])('segments that an encoder writes %s from now on are judged with the section that it has then', async (_, more) => {
  await using before = await makeClip([{ sec: 2 }], { ...SMALL_CLIP, container: 'fmp4' })
  const shape = { ...SMALL_CLIP, container: 'fmp4', size: '640x360', ...more } as const
  await using after = await makeClip([{ sec: 2 }, { sec: 4, video: 'black' }], shape)
  const [old, changed] = [await readSegments(before), await readSegments(after)]
  const [stale, current] = [old[0]?.map ?? null, changed[0]?.map ?? null]
  let served = stale
  const pauses: number[] = []
  const renewInit: StreamClient['renewInit'] = async (_segment, pauseMs) => {
    pauses.push(pauseMs)
    served = current
    return current
  }
  // The client keeps what it has until then.
  const listed = changed.map((segment) => ({
    ...segment,
    get map() {
      return served
    },
  }))
  const thresholds = { blackout_threshold_sec: 3, silence_threshold_sec: 3600 }
  const { types, state } = await inspectInWorkers([[...old, ...listed]], thresholds, { renewInit })
  expect(types).toEqual(['alert.blackout'])
  expect(state.health).toMatchObject({ video: 'black', audio: 'withAudio' in more ? 'absent' : 'ok' })
  expect(pauses).toHaveLength(1)
})

test('a section of which nothing can be decoded is fetched anew before its segments are given up', async () => {
  await using clip = await makeClip([{ sec: 4 }], { ...SMALL_CLIP, container: 'fmp4' })
  const segments = await readSegments(clip)
  const whole = segments[0]?.map ?? null
  const damaged = segments.map((segment) => ({ ...segment, map: Buffer.from('\0\0\0\x08moov') }))
  const failed = async (renewInit: StreamClient['renewInit']) =>
    (await inspectInWorkers([damaged], {}, { renewInit })).state.statistics
  expect(await failed(async () => whole)).toMatchObject({ total_segments_analyzed: 2, segments_failed: 0 })
  expect(await failed(async () => null)).toMatchObject({ total_segments_analyzed: 0, segments_failed: 2 })
})
