import { colors } from 'consola/utils'

import type { Outcome } from './demo-script.ts'
import type { Delivery } from './receiver.ts'

/** Prints a line of the demo. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** One webhook as it comes: when, what, what it says, whether it verifies, how late it was. */
export function deliveryLine({ payload, atMs, verdict }: Delivery, latenessSec: number | null): string {
  const late = latenessSec === null ? '' : colors.dim(`${latenessSec.toFixed(1)} s after the fact`)
  const verified = verdict === 'valid' ? colors.green('verified') : colors.red(verdict)
  return `  ${clock(atMs)}  ${typed(payload.event_type, 26)} ${verified}  ${keyFact(payload.data).padEnd(34)} ${late}`
}

/** Local time of day, to the tenth of a second. */
function clock(ms: number): string {
  const date = new Date(ms)
  return `${date.toTimeString().slice(0, 8)}.${Math.floor(date.getMilliseconds() / 100)}`
}

function typed(eventType: string, width: number): string {
  const padded = eventType.padEnd(width)
  if (eventType.endsWith('_recovered')) return colors.green(padded)
  return eventType.startsWith('alert.') ? colors.yellow(padded) : colors.cyan(padded)
}

function keyFact(data: Readonly<Record<string, unknown>>): string {
  const startedAt = typeof data['started_at'] === 'string' ? clock(Date.parse(data['started_at'])) : ''
  if (typeof data['total_duration_sec'] === 'number') return `lasted ${seconds(data['total_duration_sec'])}`
  if (typeof data['duration_sec'] === 'number') return `for ${seconds(data['duration_sec'])}, since ${startedAt}`
  return typeof data['reason'] === 'string' ? data['reason'] : startedAt && `at ${startedAt}`
}

function seconds(sec: number): string {
  return `${sec.toFixed(2)} s`
}

/** The closing table: what the broadcast held, what was found, how far off, how late. */
export function summaryLines(outcomes: readonly Outcome[]): readonly string[] {
  const head = row(['event', 'in the broadcast', 'as told', 'error', 'told after'])
  return [colors.bold(head), ...outcomes.map((outcome) => row(summaryCells(outcome)))]
}

function summaryCells({ type, says, foundSec, latenessSec }: Outcome): readonly string[] {
  return [
    type,
    says === undefined ? '' : `${says.what} ${seconds(says.sec)}`,
    foundSec === null ? '' : seconds(foundSec),
    says === undefined || foundSec === null ? '' : seconds(foundSec - says.sec),
    latenessSec === null ? 'never' : seconds(latenessSec),
  ]
}

/** Texts to the left, figures to the right. */
function row([event = '', held = '', ...figures]: readonly string[]): string {
  return `  ${event.padEnd(26)}${held.padEnd(20)}${figures.map((figure) => figure.padStart(11)).join('')}`
}
