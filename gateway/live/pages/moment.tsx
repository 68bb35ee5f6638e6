/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Language } from '../../web/messages.ts'

type MomentParts = {
  /** ISO 8601. */
  readonly at: string
  readonly language: Language
  readonly format?: 'day' | 'minute'
}

/** Renders a time: in UTC, which the page's script changes to the viewer's zone. */
export function Moment({ at, language, format = 'minute' }: MomentParts) {
  const options: Intl.DateTimeFormatOptions =
    format === 'day'
      ? { dateStyle: 'medium', timeZone: 'UTC' }
      : {
          year: 'numeric',
          month: 'short',
          day: 'numeric',
          hour: '2-digit',
          minute: '2-digit',
          timeZone: 'UTC',
          timeZoneName: 'short',
        }
  return (
    <time datetime={at} data-format={format}>
      {new Intl.DateTimeFormat(language, options).format(new Date(at))}
    </time>
  )
}
