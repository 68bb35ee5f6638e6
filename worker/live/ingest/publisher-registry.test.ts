import { describe, expect, test } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { createSessionMedia } from './media/session-media.ts'
import { createPublisherRegistry } from './publisher-registry.ts'

const HEADER = Buffer.from([0x17, 0, 0, 0, 0, 1, 2, 3])
const KEY_FRAME = Buffer.from([0x17, 1, 0, 0, 0, 9])

/** A registry whose time the test sets, and a function that begins a session with frames from 0 to `lastMs`. */
function openRegistry() {
  let nowMs = 1_000_000
  const reasons: string[] = []
  const registry = createPublisherRegistry({ nowMs: () => nowMs, onChange: () => {} })
  const begin = (streamId = newUuid(), lastMs = 4000) => {
    const media = createSessionMedia(nowMs, { capacityBytes: () => 1 << 20, journal: null })
    for (const [timestamp, body] of [
      [0, HEADER],
      [0, KEY_FRAME],
      [lastMs, KEY_FRAME],
    ] as const)
      media.receive({ type: 9, streamId: 1, timestamp, body }, nowMs)
    const [session, startedMs] = [newUuid(), nowMs]
    const disconnect = (reason: string) => void reasons.push(reason)
    registry.begin({ session, streamId, token: '', media, lastByteMs: () => startedMs, disconnect })
    return session
  }
  const report = () => {
    const sessions = registry.describe()
    registry.acknowledge(sessions)
    return sessions
  }
  const pass = (ms: number) => {
    nowMs += ms
    registry.sweep()
  }
  return { registry, reasons, begin, report, pass }
}

describe('the registry of publishers', () => {
  test('a session is active until it has been silent for five seconds', () => {
    const { registry, begin, pass } = openRegistry()
    const session = begin()
    pass(4999)
    expect(registry.activeSessions()).toEqual([session])
    pass(1)
    expect(registry.activeSessions()).toEqual([])
    expect(registry.describe()).toMatchObject([{ silent_ms: 5000, ended: null }])
  })

  test('a session that the gateway accepts for the same broadcast replaces the older one, and no other', () => {
    const { registry, begin, reasons } = openRegistry()
    const [streamId, other] = [newUuid(), begin()]
    const first = begin(streamId)
    const second = begin(streamId)
    expect(reasons).toEqual(['another encoder took over'])
    expect(registry.activeSessions()).toEqual([other, second])
    expect(registry.describe().find(({ session }) => session === first)?.ended).toBe('another encoder took over')
  })

  test('an end is reported until a report is acknowledged, and then no more', () => {
    const { registry, begin, report } = openRegistry()
    const session = begin()
    report()
    registry.end(session, 'the encoder stopped')
    registry.end(session, 'the connection was lost')
    expect(registry.hasUnreportedEnds()).toBe(true)
    expect(registry.describe()).toMatchObject([{ session, ended: 'the encoder stopped' }])
    expect(report()).toHaveLength(1)
    expect(registry.hasUnreportedEnds()).toBe(false)
    expect(report()).toEqual([])
  })

  test('what has ended can be read for 120 s', () => {
    const { registry, begin, report, pass } = openRegistry()
    const session = begin()
    registry.end(session, 'the encoder stopped')
    report()
    pass(120_000)
    expect(registry.find(session)?.media.findStart(0)?.startMs).toBe(0)
    pass(1)
    expect(registry.find(session)).toBeNull()
  })

  test('what has ended and is known to its end is dropped at once, but not before its end was reported', () => {
    const { registry, begin, report, pass } = openRegistry()
    const session = begin()
    registry.end(session, 'the encoder stopped')
    registry.applyVerdicts([{ session, end_reason: null, known_until_ms: 4040 }])
    pass(0)
    expect(registry.find(session)).not.toBeNull()
    report()
    pass(0)
    expect(registry.find(session)).toBeNull()
  })

  test('a verdict ends a session with its reason; verdicts on unknown sessions are ignored', () => {
    const { registry, begin, reasons } = openRegistry()
    const session = begin()
    registry.applyVerdicts([
      { session: newUuid(), end_reason: 'unknown', known_until_ms: 5 },
      { session, end_reason: 'The key was renewed.', known_until_ms: null },
    ])
    expect(reasons).toEqual(['The key was renewed.'])
    expect(registry.publishing()).toBe(0)
  })
})
