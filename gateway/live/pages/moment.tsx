/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Language } from '../../web/messages.ts'

type MomentParts = {
  /** ISO 8601. */
  readonly at: string
  readonly language: Language
  readonly format?: 'day' | 'minute' | 'time'
}

/** Renders a time: in UTC, which the page's script changes to the viewer's zone. */
export function Moment({ at, language, format = 'minute' }: MomentParts) {
  return (
    <time datetime={at} data-format={format}>
      {new Intl.DateTimeFormat(language, FORMATS[format]).format(new Date(at))}
    </time>
  )
}

const TIME = { hour: '2-digit', minute: '2-digit', timeZone: 'UTC', timeZoneName: 'short' } as const
const FORMATS: Readonly<Record<NonNullable<MomentParts['format']>, Intl.DateTimeFormatOptions>> = {
  day: { dateStyle: 'medium', timeZone: 'UTC' },
  minute: { year: 'numeric', month: 'short', day: 'numeric', ...TIME },
  time: TIME,
}
