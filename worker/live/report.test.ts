import { expect, test } from 'vitest'

import type { BroadcastReport, EncoderRun, StoredSegment } from '../../shared/contract/live.ts'
import { createLog } from '../../shared/log.ts'
import { createBroadcastReporter } from './report.ts'

const SESSION = '01a22697-b522-77a1-9423-d8d0f397c9a8'
const RUNG = { name: '360', width: 640, height: 360, frame_rate: 30, codecs: 'avc1.64001e', bandwidth: 1 }
const RUN: EncoderRun = { run: 1, session: SESSION, rungs: [RUNG] }
const buildSegment = (n: number): StoredSegment => ({
  n,
  run: 1,
  duration_sec: 2,
  program_date_time: '2026-01-01T00:00:00.000Z',
  start_ms: n * 2000,
  end_ms: n * 2000 + 2000,
  frames: 60,
  bytes: [1],
})

test('all segments of twelve hours without a gateway are reported once it is back, with their run', async () => {
  const count = (12 * 3600) / 2
  let accept = () => {}
  const accepting = new Promise<void>((resolve) => {
    accept = resolve
  })
  const reports: BroadcastReport[] = []
  const reporter = createBroadcastReporter({
    epoch: 1,
    partsUrl: null,
    source: null,
    unfinishedSources: [],
    send: async (body) => {
      await accepting
      reports.push(JSON.parse(body))
      return { kind: 'accepted', body: { duplicate: false, source: null, is_over: false } }
    },
    onTargets: () => {},
    log: createLog('test', 'error', () => {}),
    signal: new AbortController().signal,
  })
  for (let n = 0; n < count; n++) reporter.reportSegment(buildSegment(n), RUN)
  accept()
  reporter.close()
  await reporter.done
  expect(reports.flatMap(({ runs }) => runs)).toEqual([RUN])
  const numbers = reports.flatMap(({ segments }) => segments.map(({ n }) => n))
  expect(numbers).toEqual(Array.from({ length: count }, (_one, n) => n))
})
