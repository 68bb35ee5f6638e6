import * as v from 'valibot'

const UNIT_MS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/

/** Parses a duration into milliseconds: `30s`, `500ms`, `5m`, `1h`, or a bare number of seconds; `null` for other text. */
function parseDuration(text: string): number | null {
  const match = DURATION.exec(text.trim())
  if (match === null) return null
  return Math.round(Number(match[1]) * (UNIT_MS.get(match[2] ?? 's') ?? 0))
}

/** Longer durations are typing errors, and some exceed the range of timers. */
const MAX_DURATION_MS = 30 * 24 * 3_600_000

/** Schema of a duration setting: text in, milliseconds out, from zero to thirty days. */
export const Duration = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const ms = parseDuration(dataset.value)
    if (ms !== null) return ms
    addIssue({ message: 'must be a duration such as 30s, 500ms or 5m, or a number of seconds' })
    return NEVER
  }),
  v.maxValue(MAX_DURATION_MS, 'must not be longer than thirty days (720h)'),
)

/** Schema of a duration setting that must not be zero. */
export const PositiveDuration = v.pipe(Duration, v.minValue(1, 'must be longer than zero'))
