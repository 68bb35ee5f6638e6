import * as v from 'valibot'

/** Returns the schema of a text of one line, without control characters. */
export function line(min: number, max: number) {
  const message = min === 0 ? `must have at most ${max} characters` : `must have ${min} to ${max} characters`
  return v.pipe(
    v.string('must be a string'),
    v.trim(),
    v.minLength(min, message),
    v.maxLength(max, message),
    v.regex(/^\P{Cc}*$/u, 'must not have control characters'),
  )
}

/** Returns the schema of a text of several lines, without other control characters: Postgres takes no null character. */
export function lines(max: number) {
  return v.pipe(
    v.string('must be a string'),
    // Forms of browsers end lines by two characters.
    v.transform((text) => text.replaceAll('\r\n', '\n')),
    v.trim(),
    v.maxLength(max, `must have at most ${max} characters`),
    v.regex(/^(?:\P{Cc}|[\n\r\t])*$/u, 'must not have control characters'),
  )
}

/** The title of a broadcast or a recording. */
export const Title = line(1, 255)
