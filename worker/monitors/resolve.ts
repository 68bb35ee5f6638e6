import { askResolver } from '../platform/resolver.ts'
import type { ProgramResult } from '../platform/run-program.ts'
import { streamlinkArgs } from '../platform/streamlink.ts'
import { ytDlpArgs } from '../platform/yt-dlp.ts'
import { fetchManifest, type ManifestOptions } from './manifest.ts'
import { chooseRenditions } from './master-playlist.ts'
import { classifyStreamlink, classifyYtDlp } from './resolution.ts'
import type { BlockedCause, FetchTrouble, MediaPlaylist, Resolution, Source } from './snapshot.ts'

export type ResolveOptions = ManifestOptions & {
  readonly streamUrl: string
  readonly tools: { readonly ytdlpPath: string; readonly streamlinkPath: string; readonly proxy: string | null }
}

/** Whether a stream whose playlist has a URL of its own is live: one that is not there, or empty, is still to come. */
export async function resolveManifest(options: ResolveOptions, signal: AbortSignal): Promise<Resolution> {
  const renditions = [{ url: options.streamUrl, sides: 'both' }] as const
  const source: Source = { renditions, title: null, by: 'direct', expiresAtMs: null }
  const located = await locate(source, options, signal)
  if (located.kind !== 'trouble') return located
  const { status, message } = located.trouble
  if (status === 403 || status === 404 || status === 410) return { kind: 'upcoming', releaseAtMs: null, title: null }
  return { kind: 'passing', message: `playlist: ${message}` }
}

/** What yt-dlp says of a page, and streamlink where yt-dlp is missing or failed. */
export async function resolvePage(options: ResolveOptions, signal: AbortSignal): Promise<Resolution> {
  const answer = await askResolvers(options, signal)
  if (answer.kind !== 'live') return answer
  const located = await locate(answer.source, options, signal)
  // The page said live: what ails the playlist is for whoever watches it.
  return located.kind === 'trouble' ? answer : located
}

async function askResolvers({ streamUrl, tools, fetcher }: ResolveOptions, signal: AbortSignal): Promise<Resolution> {
  const { proxy, ytdlpPath, streamlinkPath } = tools
  const call = { proxy, policy: fetcher.policy, signal }
  const first = read(
    await askResolver({ ...call, path: ytdlpPath, args: (via) => ytDlpArgs(streamUrl, via) }),
    'yt-dlp',
    classifyYtDlp,
  )
  if (first !== null && isFinalWord(first)) return first
  const second = read(
    await askResolver({ ...call, path: streamlinkPath, args: (via) => streamlinkArgs(streamUrl, via) }),
    'streamlink',
    classifyStreamlink,
  )
  return better(first, second)
}

/** What a site answers to whoever has asked too often: another program would only ask once more. */
const WALLS: ReadonlySet<BlockedCause> = new Set(['bot_check', 'captcha', 'rate_limited', 'ip_blocked'])

function isFinalWord(answer: Resolution): boolean {
  return answer.kind === 'blocked' ? WALLS.has(answer.cause) : answer.kind !== 'passing'
}

/** Of two answers the one that knows more; `null` is a program that is not there. */
function better(first: Resolution | null, second: Resolution | null): Resolution {
  const missing = 'neither yt-dlp nor streamlink could be started'
  if (first === null) return second ?? { kind: 'blocked', cause: 'resolver_missing', message: missing }
  if (second === null) return first
  if (second.kind === 'live' || second.kind === 'upcoming') return second
  return first.kind === 'passing' && second.kind !== 'passing' ? second : first
}

type Output = { readonly stdout: string; readonly stderr: string }

/** What came of a resolver's run; `null` where the program, or what it is written in, is not there. */
function read(run: ProgramResult, name: string, classify: (output: Output) => Resolution): Resolution | null {
  switch (run.kind) {
    case 'exited':
      return run.code === COMMAND_NOT_FOUND ? null : classify(run)
    case 'missing':
      return null
    case 'timed_out':
      return { kind: 'passing', message: `${name} did not answer in time` }
    case 'aborted':
      return { kind: 'passing', message: 'aborted' }
    case 'killed':
      return { kind: 'passing', message: `${name} was ended by ${run.signal}` }
  }
}

/** POSIX: how a shell or `env` says so. */
const COMMAND_NOT_FOUND = 127

type Located = Resolution | { readonly kind: 'trouble'; readonly trouble: FetchTrouble }

/** Looks at a source's first playlist: an ended one is an archive, and a master playlist leads to the renditions. */
async function locate(
  source: Source,
  options: ManifestOptions,
  signal: AbortSignal,
  isInner = false,
): Promise<Located> {
  const [first] = source.renditions
  if (first === undefined) return trouble('there is no rendition')
  const fetched = await fetchManifest(options, first.url, signal)
  if (fetched.kind === 'trouble') return fetched
  if (fetched.kind === 'media') return judge(fetched.playlist, source)
  if (isInner) return trouble('the answer is a master playlist within a master playlist')
  return await locate({ ...source, renditions: chooseRenditions(fetched.master) }, options, signal, true)
}

function judge({ ended, segments }: MediaPlaylist, source: Source): Resolution {
  if (ended) return { kind: 'ended', reason: 'endlist_detected', source }
  const hasBegun = segments.length > 0 || source.by !== 'direct'
  return hasBegun ? { kind: 'live', source } : { kind: 'upcoming', releaseAtMs: null, title: null }
}

function trouble(message: string): Located {
  return { kind: 'trouble', trouble: { message, status: null } }
}
