import { colors } from 'consola/utils'

import type { EventOutcome } from './script.ts'
import type { Delivery } from '../testing/receiver.ts'

/** Prints a line of the demo. */
export function printLine(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Formats a received webhook: time, event type, signature verdict, main value, lateness. */
export function formatDelivery({ payload, atMs, verdict }: Delivery, latenessSec: number | null): string {
  const late = latenessSec === null ? '' : colors.dim(`${latenessSec.toFixed(1)} s after the fact`)
  const verified = verdict === 'valid' ? colors.green('verified') : colors.red(verdict)
  return `  ${formatTimeOfDay(atMs)}  ${formatEventType(payload.event_type, 26)} ${verified}  ${describeData(payload.data).padEnd(34)} ${late}`
}

/** Formats the local time of day to a tenth of a second. */
export function formatTimeOfDay(ms: number): string {
  const date = new Date(ms)
  return `${date.toTimeString().slice(0, 8)}.${Math.floor(date.getMilliseconds() / 100)}`
}

function formatEventType(eventType: string, width: number): string {
  const padded = eventType.padEnd(width)
  if (eventType.endsWith('_recovered')) return colors.green(padded)
  return eventType.startsWith('alert.') ? colors.yellow(padded) : colors.cyan(padded)
}

function describeData(data: Readonly<Record<string, unknown>>): string {
  const startedAt = typeof data['started_at'] === 'string' ? formatTimeOfDay(Date.parse(data['started_at'])) : ''
  if (typeof data['total_duration_sec'] === 'number') return `lasted ${formatSeconds(data['total_duration_sec'])}`
  if (typeof data['duration_sec'] === 'number') return `for ${formatSeconds(data['duration_sec'])}, since ${startedAt}`
  return typeof data['reason'] === 'string' ? data['reason'] : startedAt && `at ${startedAt}`
}

function formatSeconds(sec: number): string {
  return `${sec.toFixed(2)} s`
}

/** Formats the closing table: expected and reported values, their difference, and the lateness of each event. */
export function formatSummary(outcomes: readonly EventOutcome[]): readonly string[] {
  const head = formatRow(['event', 'in the broadcast', 'reported', 'error', 'after'])
  return [colors.bold(head), ...outcomes.map((outcome) => formatRow(toSummaryCells(outcome)))]
}

function toSummaryCells({
  type,
  expectedValue: says,
  reportedSec: foundSec,
  latenessSec,
}: EventOutcome): readonly string[] {
  return [
    type,
    says === undefined ? '' : `${says.what} ${formatSeconds(says.sec)}`,
    foundSec === null ? '' : formatSeconds(foundSec),
    says === undefined || foundSec === null ? '' : formatSeconds(foundSec - says.sec),
    latenessSec === null ? 'never' : formatSeconds(latenessSec),
  ]
}

/** Formats a table row with texts to the left and figures to the right. */
function formatRow([event = '', held = '', ...figures]: readonly string[]): string {
  return `  ${event.padEnd(26)}${held.padEnd(20)}${figures.map((figure) => figure.padStart(11)).join('')}`
}
