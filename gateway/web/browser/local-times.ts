const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' }
const DAY: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'short', day: 'numeric' }
const FORMATS: ReadonlyMap<string, Intl.DateTimeFormatOptions> = new Map([
  ['day', { dateStyle: 'medium' }],
  ['time', TIME],
])

/** Shows the times of a part of a page in the viewer's zone, with the zone's name. */
export function showLocalTimes(part: ParentNode): void {
  for (const time of part.querySelectorAll<HTMLTimeElement>('time[data-format]')) {
    time.textContent = formatLocalTime(time.dateTime, time.dataset['format'])
  }
}

/** Returns a time in the viewer's zone, with the zone's name; `format` is `day`, `time` or both. */
export function formatLocalTime(at: string, format = ''): string {
  const options = FORMATS.get(format) ?? { ...DAY, ...TIME }
  return new Intl.DateTimeFormat(document.documentElement.lang, options).format(new Date(at))
}
