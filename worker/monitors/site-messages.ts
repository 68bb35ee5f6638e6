import { shortened } from './event.ts'
import type { BlockedCause, GoneReason, Resolution } from './snapshot.ts'

/** A program's failure is shown in so many characters. */
const MAX_MESSAGE_CHARS = 300

type Verdict = (message: string) => Resolution

const passing: Verdict = (message) => ({ kind: 'passing', message })
const upcoming: Verdict = () => ({ kind: 'upcoming', releaseAtMs: null, title: null })
const ended =
  (reason: 'was_live' | 'not_live'): Verdict =>
  () => ({ kind: 'ended', reason })
const gone =
  (reason: GoneReason): Verdict =>
  (message) => ({ kind: 'gone', reason, message })
const blocked =
  (cause: BlockedCause): Verdict =>
  (message) => ({ kind: 'blocked', cause, message })

/**
 * What sites and resolvers say, the first that fits counts. Our own trouble stands before what ends a monitor, since
 * some of its messages begin with "Video unavailable"; the particular stands before the general.
 */
const MEANINGS: readonly (readonly [RegExp, Verdict])[] = [
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
  // Where a page was not what its code expects, yt-dlp asks for a report or an update.
  [/please report this issue|latest version|nsig extraction failed|no such option/i, blocked('resolver_outdated')],
]

/** What a resolver's failure means; what is not known is passing, never an end. */
export function meaningOf(output: string): Resolution {
  const message = shorten(output)
  // What a user put into a URL means nothing.
  const words = output.replace(/https?:\/\/\S+/gi, '')
  const meaning = MEANINGS.find(([pattern]) => pattern.test(words))
  const [, verdict] = meaning ?? [null, passing]
  return verdict(message)
}

/** The line of the error, in one line and bounded, without the program's advice. */
function shorten(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const line = lines.findLast((each) => /^\s*ERROR/i.test(each)) ?? lines.at(-1) ?? 'failed without a message'
  const plain = line.replace(/^\s*ERROR: *(?:\[[^\]]*\] *)?/i, '').replace(/;? *please report this issue.*$/i, '')
  return shortened(withoutQueries(plain).trim(), MAX_MESSAGE_CHARS)
}

/** A URL's query may carry keys, and messages are logged and reported. */
function withoutQueries(text: string): string {
  return text.replace(/(https?:\/\/[^\s?]+)\?\S*/gi, '$1')
}
