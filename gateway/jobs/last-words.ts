import * as v from 'valibot'

const MAX_LINES = 3
const MAX_CHARS = 300

/** What Node.js and V8 write around the error that a program ended with: code, places, addresses. */
const AROUND = /^(?:\s|Node\.js v\d|\d+: 0x|-----)/

/**
 * Why a program ended, from the last lines that it wrote, for the job's owner: errors that it logged, and what is no log
 * line at all. What it logged along its way says nothing of its end. Empty where there is no such word.
 */
export function lastWords(lines: string): string {
  const words = lines.split('\n').flatMap((line) => wordsOf(line))
  return words.slice(-MAX_LINES).join('; ').slice(0, MAX_CHARS)
}

/** A logged error, as `shared/log.ts` writes it. */
const LoggedError = v.pipe(v.string(), v.parseJson(), v.object({ level: v.literal('error'), message: v.string() }))

function wordsOf(line: string): readonly string[] {
  if (line.trim() === '' || AROUND.test(line)) return []
  if (!isOfLog(line)) return [line.trim()]
  const logged = v.safeParse(LoggedError, line)
  return logged.success ? [logged.output.message] : []
}

/** Also one of which only the beginning or the end is there: launchers keep so many bytes. */
function isOfLog(line: string): boolean {
  return line.startsWith('{"') || /"[^"]*":.*\}$/.test(line)
}
