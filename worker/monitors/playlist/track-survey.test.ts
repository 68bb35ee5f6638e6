import { readFile } from 'node:fs/promises'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { type Clip, makeClip } from '../../../shared/testing/clips.ts'
import { CONFIG, STARTED } from '../../testing/monitor-scenario.ts'
import type { SegmentFindings } from '../analyze/findings.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { StreamRendition, StreamSegment, StreamSource } from '../stream.ts'
import { createTrackSurvey } from './track-survey.ts'

let picture: Clip
beforeAll(async () => {
  const shape = { segmentSec: 1, fps: 10, size: '160x90', container: 'ts', withAudio: false } as const
  picture = await makeClip([{ sec: 1 }], shape)
})
afterAll(() => picture[Symbol.asyncDispose]())

const present = { kind: 'present', spans: {} } as const
const absent = { kind: 'absent', isDeclared: false } as const
const SOUND_ALONE: SegmentFindings = { picture: absent, sound: present }
const PICTURE_ALONE: SegmentFindings = { picture: present, sound: absent }
const WHOLE: SegmentFindings = { picture: present, sound: present }

const rendition = (url: string): StreamRendition => ({ url, tracks: 'both' })
const SOURCE: StreamSource = {
  renditions: [rendition('low')],
  choices: [[rendition('low')], [rendition('middle')], [rendition('high')]],
  title: null,
  by: 'direct',
  expiresAtMs: null,
}

/** Starts a survey of a stream whose other variants have a picture alone. `read`: URLs of the playlists it fetched. */
async function startSurvey() {
  const bytes = await readFile(picture.segments[0]?.path ?? '')
  const read: string[] = []
  const never = new AbortController().signal
  const segment: StreamSegment = {
    sequence: 1,
    url: 'segment',
    durationSec: 1,
    programDateTimeMs: null,
    discontinuity: false,
    byteRange: null,
    map: null,
    encryption: null,
  }
  const context: MonitorContext = {
    monitor: { state: () => STARTED, observe: () => undefined },
    config: CONFIG,
    client: {
      resolve: () => Promise.reject(new Error('not called')),
      async fetchPlaylist({ url }) {
        read.push(url)
        return { kind: 'ok', playlist: { segments: [segment], targetDurationSec: 1, isEnded: false }, bytes: 1 }
      },
      fetchSegment: async () => ({ kind: 'ok', bytes, isTruncated: false, map: null }),
      renewInit: async () => null,
    },
    clock: { nowMs: () => 0 },
    lifetime: { stopping: never, killed: never },
    log: createLog('test', 'error', () => {}),
  }
  let watched = SOURCE
  const survey = createTrackSurvey(context, {
    watched: () => watched,
    onFound: (source) => {
      watched = source
    },
  })
  return { survey, read, watched: () => watched }
}

test('a track that is lost after the first segment is absent, without a survey', async () => {
  const { survey, read } = await startSurvey()
  const confirm = survey.createConfirmation(rendition('low'))
  expect([await confirm(WHOLE), await confirm(SOUND_ALONE)]).toEqual([true, true])
  expect(read).toEqual([])
})

test('a choice that lacks a track is left for the first that lacks less, also when its page is resolved again', async () => {
  const { survey, read, watched } = await startSurvey()
  expect(await survey.createConfirmation(rendition('low'))(SOUND_ALONE)).toBe(false)
  const order = [[rendition('middle')], [rendition('high')], [rendition('low')]]
  expect(watched()).toMatchObject({ renditions: [rendition('middle')], choices: order })
  expect(survey.arrange(SOURCE)).toMatchObject({ renditions: [rendition('middle')], choices: order })
  expect(read).toEqual(['middle', 'high'])

  // No other has more than a picture: the sound is absent, and is not looked for again.
  expect(await survey.createConfirmation(rendition('middle'))(PICTURE_ALONE)).toBe(true)
  expect(await survey.createConfirmation(rendition('middle'))(PICTURE_ALONE)).toBe(true)
  expect(read).toEqual(['middle', 'high', 'high'])
})
