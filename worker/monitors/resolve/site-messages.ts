import { sanitizeText } from '../state/monitor-event.ts'
import type { BlockedCause, GoneReason, StreamResolution } from '../stream.ts'

/** Longest message of a resolver's failure. */
const MAX_MESSAGE_CHARS = 300

/** Makes a resolution of the message that was recognized. */
type MessageClassifier = (message: string) => StreamResolution

const passing: MessageClassifier = (message) => ({ kind: 'passing', message })
const upcoming: MessageClassifier = () => ({ kind: 'upcoming', releaseAtMs: null, title: null })
const ended =
  (reason: 'was_live' | 'not_live'): MessageClassifier =>
  () => ({ kind: 'ended', reason })
const gone =
  (reason: GoneReason): MessageClassifier =>
  (message) => ({ kind: 'gone', reason, message })
const blocked =
  (cause: BlockedCause): MessageClassifier =>
  (message) => ({ kind: 'blocked', cause, message })

/**
 * Messages of sites and resolvers; the first match counts. Blocks precede what ends a monitor, since some of their
 * messages begin with "Video unavailable". Specific patterns precede general ones.
 */
const PATTERNS: readonly (readonly [RegExp, MessageClassifier])[] = [
  [/confirm (?:that )?you.{0,2}re not a (?:ro)?bot|unusual traffic/i, blocked('bot_check')],
  [/captcha/i, blocked('captcha')],
  [/rate.?limited|HTTP Error 429|429 Client Error|too many requests/i, blocked('rate_limited')],
  [/\bIP\b.{0,30}\b(?:blocked|banned)/i, blocked('ip_blocked')],
  [/\bPO.?Tokens?\b/i, blocked('po_token')],
  [
    /requested format is not available|no video formats found|only images are available/i,
    blocked('format_unavailable'),
  ],
  [/will begin|premieres? (?:in|will)|scheduled for|is upcoming|starting soon/i, upcoming],
  [/live (?:event|stream) (?:has ended|is over)|live stream recording is not available/i, ended('was_live')],
  [/not currently live|is offline|is not live/i, ended('not_live')],
  [/(?:in|from) your (?:country|region|location)|geo.?restrict/i, gone('geo_blocked')],
  [/join this channel|members.?only|channel['’]s members|members on level|subscribers.?only/i, gone('members_only')],
  [/(?:video|stream|broadcast) is private|private video/i, gone('private')],
  [/confirm your age|age.?restricted|inappropriate for some users/i, gone('age_restricted')],
  [
    /has been removed|has been terminated|violat\w+ .{0,30}terms of service|copyright (?:claim|grounds)/i,
    gone('removed'),
  ],
  [
    /video (?:is )?(?:unavailable|not available)|no longer available|does not exist|DRM.protected/i,
    gone('unavailable'),
  ],
  [/HTTP Error \d|urlopen error|timed out|(?:client|server) error/i, passing],
  // yt-dlp asks for a report or an update where a page differs from what its code expects.
  [/please report this issue|latest version|nsig extraction failed|no such option/i, blocked('resolver_outdated')],
]

/** Classifies the output of a failed resolver. An unknown message is a transient failure, never an end. */
export function classifyMessage(output: string): StreamResolution {
  const lines = takeLastLines(output)
  const message = summarize(lines)
  // URLs are the user's text and classify nothing.
  const text = lines.join('\n').replace(/https?:\/\/\S+/gi, '')
  const [, classify] = PATTERNS.find(([pattern]) => pattern.test(text)) ?? [null, passing]
  return classify(message)
}

/**
 * What is read of an output, and of each of its lines, in UTF-16 units: the expressions take quadratic time. The error is
 * at the end, and a line holds the longest URL of a stream before its message.
 */
const MAX_OUTPUT_CHARS = 16 * 1024
const MAX_LINE_CHARS = 4096

function takeLastLines(output: string): readonly string[] {
  const lines = output.slice(-MAX_OUTPUT_CHARS).split('\n')
  return lines.map((line) => line.slice(0, MAX_LINE_CHARS)).filter((line) => line.trim() !== '')
}

/** Returns the line of the error, bounded and without the program's advice. */
function summarize(lines: readonly string[]): string {
  const line = lines.findLast((each) => /^\s*ERROR/i.test(each)) ?? lines.at(-1) ?? 'failed without a message'
  const plain = line.replace(/^\s*ERROR: *(?:\[[^\]]*\] *)?/i, '').replace(/;? *please report this issue.*$/i, '')
  return sanitizeText(removeQueries(plain).trim(), MAX_MESSAGE_CHARS)
}

/** Removes the queries of URLs: they may carry keys, and messages are logged and reported. */
function removeQueries(text: string): string {
  return text.replace(/(https?:\/\/[^\s?]+)\?\S*/gi, '$1')
}
