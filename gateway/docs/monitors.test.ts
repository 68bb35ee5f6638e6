import { describe, expect, test } from 'vitest'

import { MonitorConfig, MonitorEventType } from '../../shared/contract/monitors.ts'
import { MONITOR_STATUSES } from '../monitors/status.ts'
import { POLICIES } from '../outbox/retry-schedule.ts'
import { namesInTables, readGuide, sectionOf } from './testing/documents.ts'

describe('the guide to monitors', () => {
  test('lists every field of the configuration, and every status', () => {
    const fields = Object.keys(MonitorConfig.entries)
    expect(namesInTables(sectionOf(readGuide('monitors'), 'Configuration')).toSorted()).toEqual(fields.toSorted())
    expect(namesInTables(sectionOf(readGuide('monitors'), 'Status'))).toEqual([...MONITOR_STATUSES])
  })
})

describe('the guide to webhooks', () => {
  const guide = readGuide('webhooks')

  test('lists every event of monitors and jobs, and no other', () => {
    expect(namesInTables(sectionOf(guide, 'Events of monitors')).toSorted()).toEqual(
      [...MonitorEventType.options].toSorted(),
    )
    expect(namesInTables(sectionOf(guide, 'Events of jobs'))).toEqual(['job.completed', 'job.failed', 'job.canceled'])
  })

  test('lists every delivery policy', () => {
    expect(namesInTables(sectionOf(guide, 'Delivery'))).toEqual([...POLICIES])
  })
})
