import { expect, test } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { makeClip } from '../../shared/testing/clips.ts'
import { startBroadcastSimulator } from '../../shared/testing/broadcast-simulator.ts'
import { PATIENCE_MS, until } from '../../shared/testing/until.ts'
import { connectPostgres } from '../adapters/postgres/connect.ts'
import { findSharedPids } from '../testing/find-processes.ts'
import { startWholeSystem } from '../testing/whole-system.ts'

const SEGMENTS = 12
/** Segments that are published before the process is killed. */
const LEAD = 6

test('monitors share a process, and its crash costs each of them a restart and nothing else', async () => {
  await using clip = await makeClip([{ sec: 3 }, { sec: 6, video: 'black' }, { sec: 3 }], {
    segmentSec: 1,
    fps: 10,
    size: '160x90',
    container: 'ts',
  })
  const options = { pace: 'viewer', leadSegments: LEAD, windowSegments: SEGMENTS } as const
  const targetDurationSec = PATIENCE_MS / 1000
  await using first = await startBroadcastSimulator(clip, { ...options, targetDurationSec })
  await using second = await startBroadcastSimulator(clip, { ...options, targetDurationSec })
  const streams = [first, second]
  for (const stream of streams) stream.stall()
  await using system = await startWholeSystem()
  const ids = await Promise.all(
    streams.map(async ({ url }) => {
      const config = { blackout_threshold_sec: 2 }
      const made = await system.api('POST', '/api/v1/monitors', {
        stream_url: url,
        callback_url: system.receiver.url,
        config,
      })
      return String(made.json.monitor_id)
    }),
  )
  const eventsOf = (id: string) => [
    ...new Map(
      system.receiver.deliveries
        .filter(({ payload }) => payload.monitor_id === id)
        .map(({ payload }) => [payload.event_id, payload.event_type]),
    ).values(),
  ]
  await until(() => ids.every((id) => eventsOf(id).includes('alert.blackout')), 'both alarms are delivered')
  const [shared, ...others] = findSharedPids(system.gateway().pid)
  expect(others).toEqual([])
  process.kill(shared ?? 0, 'SIGKILL')
  await until(() => findSharedPids(system.gateway().pid).some((pid) => pid !== shared), 'another process is there')
  for (const stream of streams) stream.resume()
  await until(() => ids.every((id) => eventsOf(id).includes('stream.ended')), 'both streams are over')

  for (const id of ids) {
    expect(eventsOf(id)).toEqual(['stream.started', 'alert.blackout', 'alert.blackout_recovered', 'stream.ended'])
    expect((await system.api('GET', `/api/v1/monitors/${id}`)).json.statistics).toMatchObject({
      total_segments_analyzed: SEGMENTS,
      segments_failed: 0,
      segments_skipped: 0,
    })
  }
  await using database = connectPostgres(system.databaseUrl, createLog('test', 'error', console.error))
  expect(await database.sql`select launch, attempts from assignments`).toEqual(
    ids.map(() => ({ launch: 2, attempts: 1 })),
  )
})
