/** An event of a calendar. */
export type CalendarEvent = {
  /** The same for all versions of the event, anywhere. */
  readonly uid: string
  readonly start: Date
  readonly durationMin: number
  readonly changedAt: Date
  readonly summary: string
  readonly description: string
  readonly url: string
}

/** Octets of a line without its end (RFC 5545 §3.1). */
const MAX_LINE = 75
const encoder = new TextEncoder()

/** Returns a calendar with events (RFC 5545). */
export function formatCalendar(name: string, events: readonly CalendarEvent[]): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Tallylight//Schedule//EN',
    'METHOD:PUBLISH',
    `X-WR-CALNAME:${escapeText(name)}`,
    'REFRESH-INTERVAL;VALUE=DURATION:PT1H',
    ...events.flatMap(formatEvent),
    'END:VCALENDAR',
  ]
  return lines.map((line) => `${foldLine(line)}\r\n`).join('')
}

function formatEvent({ uid, start, durationMin, changedAt, summary, description, url }: CalendarEvent): string[] {
  return [
    'BEGIN:VEVENT',
    `UID:${uid}`,
    `DTSTAMP:${formatTime(changedAt)}`,
    `DTSTART:${formatTime(start)}`,
    `DURATION:PT${durationMin}M`,
    `SUMMARY:${escapeText(summary)}`,
    ...(description === '' ? [] : [`DESCRIPTION:${escapeText(description)}`]),
    `URL:${url}`,
    'END:VEVENT',
  ]
}

/** Returns a time in UTC (RFC 5545 §3.3.5, form 2). */
function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
}

/** Returns a text as the value of a property (RFC 5545 §3.3.11), without control characters, which it cannot have. */
export function escapeText(text: string): string {
  return text
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[^\P{Cc}\n\t]/gu, '')
    .replaceAll(/[\\;,]/g, String.raw`\$&`)
    .replaceAll('\n', String.raw`\n`)
}

/** Returns a line that is folded between characters, so that no part has more than 75 octets (RFC 5545 §3.1). */
export function foldLine(line: string): string {
  const parts = ['']
  let octets = 0
  for (const character of line) {
    const { length } = encoder.encode(character)
    if (octets + length > MAX_LINE) {
      parts.push('')
      // The blank before a continuation counts too.
      octets = 1
    }
    parts[parts.length - 1] += character
    octets += length
  }
  return parts.join('\r\n ')
}
