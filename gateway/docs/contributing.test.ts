import { describe, expect, test } from 'vitest'

import * as live from '../live/rules/broadcast-state.ts'
import * as jobs from '../jobs/status.ts'
import * as monitors from '../monitors/status.ts'
import { readGuide, sectionOf } from './testing/documents.ts'
import { listArrows, readArrows, readEdges, type Arrow } from './testing/state-diagram.ts'

const SYSTEMS = [
  {
    heading: 'Monitor status',
    starts: ['scheduled', 'initializing'],
    ends: monitors.MONITOR_STATUSES.filter((status) => monitors.isFinal(status)),
    arrows: listArrows({
      statuses: monitors.MONITOR_STATUSES,
      events: monitors.MONITOR_STATUS_EVENTS,
      nextStatus: monitors.nextStatus,
      nameOf: (event) => ('mode' in event ? `${event.mode}_${event.kind}` : event.kind),
    }),
  },
  {
    heading: 'Job status',
    starts: [jobs.INITIAL_JOB_STATUS],
    ends: jobs.JOB_STATUSES.filter((status) => jobs.isFinal(status)),
    arrows: listArrows({
      statuses: jobs.JOB_STATUSES,
      events: jobs.JOB_STATUS_EVENTS,
      nextStatus: jobs.nextStatus,
      nameOf: (event) => event,
    }),
  },
  {
    heading: 'Broadcast state',
    starts: ['scheduled', 'ready'],
    ends: ['ended'],
    arrows: listArrows({
      statuses: live.BROADCAST_STATES,
      events: live.BROADCAST_EVENTS,
      nextStatus: live.nextState,
      nameOf: (event) => event,
    }),
  },
]

const toText = ({ from, to, event }: Arrow) => `${from} --> ${to}: ${event}`

describe.each(SYSTEMS)('the diagram "$heading"', ({ heading, starts, ends, arrows }) => {
  const section = sectionOf(readGuide('contributing'), heading)

  test('draws every transition that the status function allows, and no other', () => {
    expect(readArrows(section).map(toText).toSorted()).toEqual(arrows.map(toText).toSorted())
  })

  test('begins and ends where a record does', () => {
    expect(readEdges(section)).toEqual({ starts, ends })
  })
})
