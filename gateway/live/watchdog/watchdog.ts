/**
 * Each broadcast is watched by a monitor of its own. The monitors service is used as any client uses it: by its public API
 * with the API key, and by its webhooks. This file is the only one of live that knows it; without that service, broadcasts
 * are not watched.
 */

import * as v from 'valibot'

import { verifyWebhook } from '../../../shared/net/signing.ts'
import { clientUrlOf } from '../../settings/read-settings.ts'
import type { LiveContext } from '../context.ts'
import type { BegunFault, EndedFault } from '../faults/compose-fault.ts'
import { playbackUrlOf } from '../playback/access.ts'
import { LIVE_PATH } from '../playback/addresses.ts'
import { MONITOR_QUERY } from '../playback/viewer-id.ts'
import type { AlertKind, FaultKind } from '../rules/fault-kind.ts'
import type { Stream } from '../store/streams.ts'

/** How long a picture is black or frozen, or the sound silent, before it is an alert, in seconds. */
const THRESHOLD_SEC = 5
/** Time limit of a call to the monitors service, in ms. */
const CALL_TIMEOUT_MS = 5000

/** The events of a monitor that open and close an alert. */
const EVENTS: Readonly<Record<string, { readonly kind: AlertKind; readonly isOpen: boolean }>> = {
  'alert.blackout': { kind: 'black', isOpen: true },
  'alert.blackout_recovered': { kind: 'black', isOpen: false },
  'alert.freeze': { kind: 'frozen', isOpen: true },
  'alert.freeze_recovered': { kind: 'frozen', isOpen: false },
  'alert.silence': { kind: 'silent', isOpen: true },
  'alert.silence_recovered': { kind: 'silent', isOpen: false },
  'stream.suspended': { kind: 'stalled', isOpen: true },
  'stream.resumed': { kind: 'stalled', isOpen: false },
}

const Created = v.object({ monitor_id: v.string() })
const Duplicate = v.object({ error: v.object({ details: v.object({ monitor_id: v.string() }) }) })

/** A monitor that was created; `isNew` is false for one that watches the same address already. */
export type BroadcastMonitor = { readonly monitorId: string; readonly isNew: boolean }

/**
 * Creates the monitor of a broadcast.
 * @throws Error where the monitors service refuses, or does not answer
 */
export async function createMonitorFor(context: LiveContext, stream: Stream): Promise<BroadcastMonitor> {
  const { settings } = context
  const url = clientUrlOf(settings)
  // The same address each time: a call that is repeated by its Idempotency-Key has the same body.
  const watched = new URL(`${url}${playbackUrlOf(context, stream, null, stream.startedAt?.getTime() ?? 0)}`)
  watched.searchParams.set(MONITOR_QUERY, '')
  const body = {
    stream_url: watched.href,
    callback_url: `${url}${LIVE_PATH}/hooks/${stream.streamId}`,
    config: {
      blackout_threshold_sec: THRESHOLD_SEC,
      freeze_threshold_sec: THRESHOLD_SEC,
      silence_threshold_sec: THRESHOLD_SEC,
      webhook_policy: 'durable',
    },
    metadata: { stream_id: stream.streamId },
  }
  const response = await fetch(`${url}/api/v1/monitors`, {
    method: 'POST',
    headers: {
      'x-api-key': settings.keys.API_KEY,
      'content-type': 'application/json',
      'idempotency-key': ['watch', stream.streamId, stream.visibility, stream.watchTriedAt?.getTime() ?? 0].join(':'),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  })
  const text = await response.text()
  const parse = v.pipe(v.string(), v.parseJson())
  if (response.status === 201) return { monitorId: v.parse(v.pipe(parse, Created), text).monitor_id, isNew: true }
  const duplicate = v.safeParse(v.pipe(parse, Duplicate), text)
  if (duplicate.success) return { monitorId: duplicate.output.error.details.monitor_id, isNew: false }
  throw new Error(`the monitors service answered ${response.status}: ${text.slice(0, 200)}`)
}

/**
 * Stops the monitor of a broadcast; one that is gone stays so.
 * @throws Error where the monitors service refuses, or does not answer
 */
export async function stopMonitor({ settings }: LiveContext, monitorId: string): Promise<void> {
  const { status } = await fetch(`${clientUrlOf(settings)}/api/v1/monitors/${monitorId}`, {
    method: 'DELETE',
    headers: { 'x-api-key': settings.keys.API_KEY },
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  })
  if (status >= 300 && status !== 404) throw new Error(`the monitors service answered ${status}`)
}

/** What a webhook of a monitor says of its broadcast: a fault that begins or is over, or that the monitor has failed. */
export type MonitorNews = { readonly monitorId: string; readonly eventId: string } & (
  | { readonly change: 'begun'; readonly fault: BegunFault & { readonly kind: AlertKind } }
  | { readonly change: 'unreadable'; readonly fault: BegunFault }
  | { readonly change: 'over'; readonly fault: Omit<EndedFault, 'since'> & { readonly kind: AlertKind } }
  | { readonly change: 'failed' }
)

const MonitorWebhook = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    event_id: v.string(),
    event_type: v.string(),
    monitor_id: v.string(),
    timestamp: v.string(),
    data: v.object({
      started_at: v.optional(v.string()),
      last_segment_at: v.optional(v.string()),
      recovered_at: v.optional(v.string()),
      duration_sec: v.optional(v.number()),
      stalled_sec: v.optional(v.number()),
      threshold_sec: v.optional(v.number()),
      total_duration_sec: v.optional(v.number()),
      suspended_sec: v.optional(v.number()),
      failing: v.optional(v.string()),
    }),
  }),
)
type MonitorWebhook = v.InferOutput<typeof MonitorWebhook>

/** A webhook as it was received. */
type ReceivedWebhook = {
  readonly timestamp: string | undefined
  readonly signature: string | undefined
  readonly body: string
}

/** Returns what a webhook of a monitor says; `other` where that changes nothing, `forged` where its signature is wrong. */
export function readMonitorNews({ settings }: LiveContext, webhook: ReceivedWebhook): MonitorNews | 'other' | 'forged' {
  if (verifyWebhook(settings.keys.WEBHOOK_SIGNING_KEY, webhook, Date.now()) !== 'valid') return 'forged'
  const parsed = v.safeParse(MonitorWebhook, webhook.body)
  if (!parsed.success) return 'other'
  const { event_type: type, event_id: eventId, monitor_id: monitorId } = parsed.output
  if (type === 'monitor.error') return { monitorId, eventId, change: 'failed' }
  if (type === 'alert.segment_error') {
    return { monitorId, eventId, change: 'unreadable', fault: readBegun('unreadable', parsed.output) }
  }
  const event = EVENTS[type]
  if (event === undefined) return 'other'
  const { kind } = event
  return event.isOpen
    ? { monitorId, eventId, change: 'begun', fault: readBegun(kind, parsed.output) }
    : { monitorId, eventId, change: 'over', fault: readOver(kind, parsed.output) }
}

function readBegun<Kind extends FaultKind>(
  kind: Kind,
  { timestamp: at, data }: MonitorWebhook,
): BegunFault & { readonly kind: Kind } {
  const { threshold_sec: thresholdSec = null, failing } = data
  const durationSec = data.duration_sec ?? data.stalled_sec ?? null
  const since = data.started_at ?? data.last_segment_at ?? secondsBefore(at, durationSec ?? 0)
  return { kind, at, since, durationSec, thresholdSec, ...(failing === undefined ? {} : { failing }) }
}

function readOver<Kind extends FaultKind>(
  kind: Kind,
  { timestamp: at, data }: MonitorWebhook,
): Omit<EndedFault, 'since'> & { readonly kind: Kind } {
  const totalSec = data.total_duration_sec ?? data.suspended_sec ?? null
  return { kind, at, until: data.recovered_at ?? at, totalSec, reason: 'recovered' }
}

function secondsBefore(moment: string, sec: number): string {
  const ms = Date.parse(moment)
  return Number.isNaN(ms) ? moment : new Date(ms - sec * 1000).toISOString()
}
