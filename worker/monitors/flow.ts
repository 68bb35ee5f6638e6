import * as v from 'valibot'

import type { MonitorEvent } from '../../shared/contract/events.ts'
import { eventAt, secondsBetween, toIso } from './event.ts'

/** Whether new segments keep coming; `lastNewMs` is when the last one was first seen. */
export const Flow = v.object({ kind: v.picklist(['moving', 'suspended']), lastNewMs: v.number() })
export type Flow = Readonly<v.InferOutput<typeof Flow>>

export type FlowStep = { readonly flow: Flow; readonly events: readonly MonitorEvent[] }

/** A stream that brings nothing new for less than this is not called suspended. */
const LEAST_STALL_MS = 10_000

/** The flow after a playlist that had new segments. */
export function moved(flow: Flow, atMs: number): FlowStep {
  const next: Flow = { kind: 'moving', lastNewMs: atMs }
  if (flow.kind === 'moving') return { flow: next, events: [] }
  const data = { suspended_sec: secondsBetween(flow.lastNewMs, atMs) }
  return { flow: next, events: [eventAt(atMs, 'stream.resumed', data)] }
}

/** The flow after a playlist that could be fetched and had nothing new: suspended after two target durations. */
export function stoodStill(flow: Flow, targetDurationSec: number, atMs: number): FlowStep {
  const stalledMs = atMs - flow.lastNewMs
  const isLong = stalledMs >= Math.max(LEAST_STALL_MS, 2000 * targetDurationSec)
  if (flow.kind === 'suspended' || !isLong) return { flow, events: [] }
  const data = { last_segment_at: toIso(flow.lastNewMs), stalled_sec: secondsBetween(flow.lastNewMs, atMs) }
  return { flow: { ...flow, kind: 'suspended' }, events: [eventAt(atMs, 'stream.suspended', data)] }
}
