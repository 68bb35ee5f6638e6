import * as v from 'valibot'

import type { WorkerLoss } from './worker-kind.ts'

const MAX_LINES = 3
const MAX_CHARS = 300

/** Lines that Node.js and V8 print around an error: source code, stack frames, addresses. */
const NOISE = /^(?:\s|Node\.js v\d|\d+: 0x|-----)/

/**
 * Returns why a worker ended, in words for the owner of its work, from its last lines: the errors that it logged, and lines
 * that are no log lines. Empty where there are none; other log lines do not explain its end.
 */
export function crashReason(lines: string): string {
  const words = lines.split('\n').flatMap((line) => wordsOf(line))
  return words.slice(-MAX_LINES).join('; ').slice(0, MAX_CHARS)
}

/** Returns why a worker was lost, in words for the owner of its work: the launcher's word, and the worker's last ones. */
export function describeLoss({
  terminationReason,
  message,
}: Pick<WorkerLoss, 'terminationReason' | 'message'>): string {
  const reason = crashReason(message)
  return reason === '' ? terminationReason : `${terminationReason}: ${reason}`
}

/** A logged error, as `shared/log.ts` writes it. */
const LoggedError = v.pipe(v.string(), v.parseJson(), v.object({ level: v.literal('error'), message: v.string() }))

function wordsOf(line: string): readonly string[] {
  if (line.trim() === '' || NOISE.test(line)) return []
  if (!isLogLine(line)) return [line.trim()]
  const logged = v.safeParse(LoggedError, line)
  return logged.success ? [logged.output.message] : []
}

/** Returns whether a line is a log line, or the beginning or end of one: launchers keep a limited number of bytes. */
function isLogLine(line: string): boolean {
  return line.startsWith('{"') || /"[^"]*":.*\}$/.test(line)
}
