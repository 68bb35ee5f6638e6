/**
 * Applies the validation of jobs to the segments of a broadcast, which lie in a folder as a job's set of HLS does:
 * `master.m3u8`, and for each rendition N `stream_N.m3u8` with its initialization segment and its segments.
 * A program of its own: prints a `LadderVerdict` as one line of JSON.
 * Usage: node --import tsx worker/testing/validate-ladder.ts FOLDER FPS
 */
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { OutputPlan, PlannedRendition } from '../jobs/plan/output-plan.ts'
import { checkAlignment } from '../jobs/validate/alignment.ts'
import { checkSync, segmentsRange } from '../jobs/validate/av-sync.ts'
import { measureListedBitRates } from '../jobs/validate/bit-rates.ts'
import { checkDeclaredCodecs } from '../jobs/validate/declared-codecs.ts'
import { checkDecoding } from '../jobs/validate/decode.ts'
import { concatInput } from '../jobs/validate/ffmpeg-input.ts'
import { hasError, type Finding } from '../jobs/validate/findings.ts'
import { readHlsListing } from '../jobs/validate/hls-listing.ts'
import { planTracks, type PlannedTrack } from '../jobs/validate/planned-tracks.ts'
import { probeRendition, type ProbedRendition } from '../jobs/validate/probe-rendition.ts'
import { checkSegments } from '../jobs/validate/segments.ts'
import { mediaFileNames, type DeclaredVariant, type RenditionListing } from '../jobs/validate/set-listing.ts'
import { checkStreams } from '../jobs/validate/streams.ts'
import { checkTrackPresence } from '../jobs/validate/track-presence.ts'
import type { ValidationContext } from '../jobs/validate/validation-context.ts'

/** What was found in a rendition. Bit rates are in bit/s, times in seconds. */
type RungVerdict = {
  readonly height: number
  readonly bandwidth: number
  readonly peak: number
  readonly segments: readonly { readonly startSec: number; readonly durationSec: number }[]
}
type LadderVerdict = { readonly findings: readonly string[]; readonly rungs: readonly RungVerdict[] }

/** A rendition as it is declared, listed and probed. */
type ValidatedRung = {
  readonly variant: DeclaredVariant
  readonly listing: RenditionListing
  readonly track: PlannedTrack
  readonly probed: ProbedRendition
}

const TIMEOUT_MS = 120_000
const ENTRY = 'master.m3u8'

const [folder = '', fps = '30'] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await validateLadder(folder, Number(fps)))}\n`)

async function validateLadder(dir: string, frameRate: number): Promise<LadderVerdict> {
  const files = await readdir(dir)
  const readText = (name: string) => readFile(join(dir, name), 'utf8')
  const { variants, renditions, findings } = await readHlsListing(await readText(ENTRY), ENTRY, readText)
  const context: ValidationContext = {
    plan: planLadder(variants, frameRate),
    set: { dir, files, entry: ENTRY },
    sizes: new Map(await Promise.all(files.map(async (name) => [name, (await stat(join(dir, name))).size] as const))),
    settings: { level: 'strict', decodeTest: true, hlsDepth: 'full', timeoutMs: TIMEOUT_MS },
    tools: { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' },
    retryPauseMs: 1,
    signal: AbortSignal.timeout(10 * TIMEOUT_MS),
  }
  const rungs: ValidatedRung[] = []
  for (const track of planTracks({ ...context.plan, container: 'hls' })) {
    const [variant, listing] = [variants[track.index], renditions.find(({ index }) => index === track.index)]
    if (variant === undefined || listing === undefined) throw new Error(`rendition ${track.index} is not listed`)
    rungs.push({ variant, listing, track, probed: await probeRendition(listing, context) })
  }
  const all: Finding[] = [...findings]
  for (const rung of rungs) all.push(...(await checkRung(rung, context)))
  all.push(
    ...checkAlignment(
      rungs.map(({ listing, probed }) => ({ listing, segments: probed.segments })),
      frameRate,
    ),
  )
  return {
    findings: all.map(({ code, file, message }) => `${code} ${file}: ${message}`),
    rungs: rungs.map((rung) => describeRung(rung, context)),
  }
}

/** Returns the plan that a ladder as declared would come from. Its container is that of fragmented MP4. */
function planLadder(variants: readonly DeclaredVariant[], frameRate: number): OutputPlan {
  const [first, ...others] = variants.map((variant, index): PlannedRendition => {
    const { width, height } = variant.resolution ?? { width: 0, height: 0 }
    return { index, width, height, crf: null, kbps: null }
  })
  if (first === undefined) throw new Error('there is no rendition')
  return {
    container: 'cmaf',
    outputType: 'hls',
    video: {
      codec: 'h264',
      speed: 'veryfast',
      fps: { num: frameRate, den: 1 },
      gopFrames: 2 * frameRate,
      renditions: [first, ...others],
      isDeinterlaced: false,
      isToneMapped: false,
    },
    audio: { kbps: 128, channels: 2, sampleRate: 48_000 },
    inputHasAudio: true,
    leftOut: { video: null, audio: null },
    inputProblem: null,
    segmentSec: 2,
    durationSec: 60,
    startSec: 0,
  }
}

async function checkRung({ variant, listing, track, probed }: ValidatedRung, context: ValidationContext) {
  const { plan } = context
  const { streams, segments } = probed
  const { file } = listing
  const problem = checkDeclaredCodecs(variant.codecs, streams)
  const findings: readonly Finding[] = [
    ...probed.findings,
    ...checkTrackPresence(streams, track, file),
    ...checkStreams(streams, track, { plan, file }),
    ...checkSegments(segments, track, plan),
    ...checkSync(segmentsRange(segments, 'video'), segmentsRange(segments, 'audio'), file),
    ...(problem === null
      ? []
      : [{ severity: 'error', code: 'HLS_PLAYLIST_SYNTAX_ERROR', file, message: problem } as const]),
  ]
  if (hasError(findings)) return findings
  return [...findings, ...(await checkDecoding(concatInput(plan.container, mediaFileNames(listing)), context, file))]
}

function describeRung({ variant, listing, probed }: ValidatedRung, { sizes }: ValidationContext): RungVerdict {
  return {
    height: variant.resolution?.height ?? 0,
    bandwidth: variant.bandwidth ?? 0,
    peak: Math.ceil(measureListedBitRates(listing, sizes).peak),
    segments: probed.segments.flatMap(({ video }) =>
      video === null ? [] : [{ startSec: video.startSec, durationSec: video.endSec - video.startSec }],
    ),
  }
}
