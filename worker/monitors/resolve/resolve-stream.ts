import type { StreamForm } from '../../../shared/net/stream-url.ts'
import type { ProgramResult } from '../../platform/run-program.ts'
import { isMpd } from '../dash/decode-mpd.ts'
import type { RenditionFetchOptions } from '../dash/fetch-rendition.ts'
import type { BlockedCause, StreamResolution, StreamSource } from '../stream.ts'
import { classifyStreamlink, classifyYtDlp, type ResolverOutput } from './classify-output.ts'
import { createUpcoming, locateRenditions } from './locate-renditions.ts'
import { runResolver } from './run-resolver.ts'
import { buildStreamlinkArgs } from './streamlink.ts'
import { buildYtDlpArgs } from './yt-dlp.ts'

export type ResolveOptions = RenditionFetchOptions & {
  readonly streamUrl: string
  readonly form: StreamForm
  readonly tools: { readonly ytdlpPath: string; readonly streamlinkPath: string; readonly proxy: string | null }
}

/** Creates the resolver of a stream. What an unclear URL was found to be, it stays. */
export function createStreamResolver(options: ResolveOptions): (signal: AbortSignal) => Promise<StreamResolution> {
  let isManifest = options.form === 'manifest'
  return async (signal) => {
    if (options.form === 'unclear' && !isManifest) isManifest = await answersManifest(options, signal)
    return isManifest ? await resolvePlaylistUrl(options, signal) : await resolvePage(options, signal)
  }
}

/** Bytes of an answer by which its kind is decided. */
const SNIFFED_BYTES = 64 * 1024

/** Media types of an HLS playlist (RFC 8216 §10, and what servers send). */
const HLS_TYPE = /mpegurl/i

/** Reports whether a URL answers a playlist or an MPD, by the first bytes of the answer and its content type. */
async function answersManifest(
  { fetcher, streamUrl, timeouts }: ResolveOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const limits = { timeoutMs: timeouts.manifestMs, maxBytes: SNIFFED_BYTES, acceptsTruncated: true }
  const answer = await fetcher.get(streamUrl, { ...limits, signal })
  if (answer.kind === 'failed') return false
  const { bytes, headers } = answer
  const start = new TextDecoder().decode(bytes.subarray(0, 1000)).trimStart()
  if (start.startsWith('#EXTM3U') || isMpd(bytes, headers)) return true
  return start === '' && HLS_TYPE.test(headers.get('content-type') ?? '')
}

/** Resolves a stream whose URL is that of a playlist. A playlist that is missing or empty is upcoming. */
async function resolvePlaylistUrl(options: ResolveOptions, signal: AbortSignal): Promise<StreamResolution> {
  const renditions = [{ url: options.streamUrl, tracks: 'both' }] as const
  const source: StreamSource = { renditions, title: null, by: 'direct', expiresAtMs: null }
  const located = await locateRenditions(source, options, signal)
  if (located.kind !== 'failed') return located
  const { status, message } = located.failure
  if (status === 403 || status === 404 || status === 410) return createUpcoming(message)
  return { kind: 'passing', message: `playlist: ${message}`, problem: message }
}

/** Resolves a page with yt-dlp, and with streamlink where yt-dlp is missing or has failed. */
async function resolvePage(options: ResolveOptions, signal: AbortSignal): Promise<StreamResolution> {
  const answer = await callResolvers(options, signal)
  if (answer.kind !== 'live') return answer
  const located = await locateRenditions(answer.source, options, signal)
  // The page is live: a playlist that fails is an outage, which the rendition's poller observes.
  return located.kind === 'failed' ? answer : located
}

async function callResolvers(options: ResolveOptions, signal: AbortSignal): Promise<StreamResolution> {
  const { streamUrl, tools, fetcher } = options
  const { proxy, ytdlpPath, streamlinkPath } = tools
  const run = { proxy, policy: fetcher.policy, signal }
  const first = classifyResult(
    await runResolver({ ...run, path: ytdlpPath, buildArgs: (via) => buildYtDlpArgs(streamUrl, via) }),
    'yt-dlp',
    classifyYtDlp,
  )
  if (first !== null && isConclusive(first)) return first
  const second = classifyResult(
    await runResolver({ ...run, path: streamlinkPath, buildArgs: (via) => buildStreamlinkArgs(streamUrl, via) }),
    'streamlink',
    classifyStreamlink,
  )
  return selectAnswer(first, second)
}

/** Refusals of a site that has had too many requests. Another program would only send one more. */
const REQUEST_LIMITS: ReadonlySet<BlockedCause> = new Set(['bot_check', 'captcha', 'rate_limited', 'ip_blocked'])

function isConclusive(answer: StreamResolution): boolean {
  return answer.kind === 'blocked' ? REQUEST_LIMITS.has(answer.cause) : answer.kind !== 'passing'
}

/** Selects the more informative of two answers; `null` stands for a program that is not installed. */
function selectAnswer(first: StreamResolution | null, second: StreamResolution | null): StreamResolution {
  const missing = 'neither yt-dlp nor streamlink could be started'
  if (first === null) return second ?? { kind: 'blocked', cause: 'resolver_missing', message: missing }
  if (second === null) return first
  if (second.kind === 'live' || second.kind === 'upcoming') return second
  return first.kind === 'passing' && second.kind !== 'passing' ? second : first
}

/** Classifies the result of a resolver's run; `null` where the program, or its interpreter, is not installed. */
function classifyResult(
  result: ProgramResult,
  name: string,
  classify: (output: ResolverOutput) => StreamResolution,
): StreamResolution | null {
  switch (result.kind) {
    case 'exited':
      return result.code === COMMAND_NOT_FOUND ? null : withProblem(classify(result))
    case 'missing':
      return null
    case 'timed_out':
      return { kind: 'passing', message: `${name} did not answer in time` }
    case 'aborted':
      return { kind: 'passing', message: 'aborted' }
    case 'killed':
      return { kind: 'passing', message: `${name} was ended by ${result.signal}` }
  }
}

/** Returns an answer in which a program's message about a page that it could not read is the page's own problem. */
function withProblem(answer: StreamResolution): StreamResolution {
  return answer.kind === 'passing' ? { ...answer, problem: answer.message } : answer
}

/** Exit code of a shell or `env` whose command is missing (POSIX). */
const COMMAND_NOT_FOUND = 127
