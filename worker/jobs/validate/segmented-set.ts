import { type AlignedRendition, checkAgreement, checkAlignment } from './alignment.ts'
import { checkSync, segmentsRange } from './av-sync.ts'
import { checkBitRate } from './bit-rates.ts'
import { checkTotals } from './counts.ts'
import { checkDeclaredVariant, type ProbedTrack } from './declared-variants.ts'
import { checkDecoding } from './decode.ts'
import { checkListedDurations } from './durations.ts'
import { concatInput, entryInput } from './ffmpeg-input.ts'
import { checkListedFiles } from './files.ts'
import { errorFinding, type Finding, hasError } from './findings.ts'
import { type PlannedTrack, planTracks } from './planned-tracks.ts'
import { probeOutput } from './probe-output.ts'
import { probeRendition } from './probe-rendition.ts'
import { readListings } from './read-listings.ts'
import type { SegmentTiming } from './segment-timing.ts'
import { checkSegments } from './segments.ts'
import { mediaFileNames, type RenditionListing, type SetListing, totalDurationSec } from './set-listing.ts'
import { checkStreams } from './streams.ts'
import { checkTrackPresence } from './track-presence.ts'
import type { ValidationContext } from './validation-context.ts'

/** Checks that a set's entry can be opened and has the planned tracks; decodes everything where that is requested. */
export async function checkEntry(context: ValidationContext): Promise<readonly Finding[]> {
  const { plan, set, settings } = context
  const input = entryInput(set.dir, set.entry)
  const result = await probeOutput(input, context, 'streams')
  if (result.kind === 'failed') return [errorFinding('FFPROBE_FAILED', set.entry, `ffprobe ${result.reason}`)]
  const wholeSet = { video: plan.video?.renditions[0] ?? null, hasAudio: plan.audio !== null }
  const findings = checkTrackPresence(result.probe.streams, wholeSet, set.entry)
  return findings.length > 0 || !settings.decodeTest ? findings : checkDecoding(input, context, set.entry)
}

/** A rendition with the findings of its own checks. */
type ValidatedRendition = ProbedTrack & {
  readonly segments: readonly SegmentTiming[]
  readonly findings: readonly Finding[]
}

/**
 * Checks a set from its playlists and manifests down to its frames. A check with errors prevents those that build on it,
 * so that one fault is reported once. `reportedFiles` names the media files that are reported as missing or unlisted.
 */
export async function checkSegmentedSet(
  context: ValidationContext,
): Promise<{ readonly findings: readonly Finding[]; readonly reportedFiles: ReadonlySet<string> }> {
  const { plan, set, sizes } = context
  const tracks = planTracks(plan)
  const entries = await readListings(context, tracks)
  const listed = entries.flatMap((entry) => [
    ...entry.findings,
    ...checkListedFiles(set, sizes, entry),
    ...checkListedDurations(entry, plan),
  ])
  const agreement = hasError(listed) ? [] : checkEntriesAgree(entries)
  const reportedFiles = new Set(
    listed.flatMap(({ code, file }) => (code === 'HLS_SEGMENT_MISSING' ? (file ?? []) : [])),
  )
  const renditions = await validateRenditions(entries, tracks, context)
  const media = [...renditions.flatMap(({ findings }) => findings), ...checkAcrossRenditions(renditions, context)]
  const findings = [...listed, ...agreement, ...media]
  const variants = hasError(findings) ? [] : entries.flatMap((entry) => checkVariants(entry, renditions, context))
  const decoding = hasError([...findings, ...variants]) ? [] : await decodeRenditions(renditions, context)
  return { findings: [...findings, ...variants, ...decoding], reportedFiles }
}

function checkEntriesAgree([first, ...others]: readonly SetListing[]): readonly Finding[] {
  const otherListings = others.flatMap(({ renditions }) => renditions)
  return (first?.renditions ?? []).flatMap((listing) =>
    checkAgreement(
      listing,
      otherListings.filter(({ index }) => index === listing.index),
    ),
  )
}

/** Validates each planned rendition that is listed and complete, once even where two entries list it. */
async function validateRenditions(
  entries: readonly SetListing[],
  tracks: readonly PlannedTrack[],
  context: ValidationContext,
): Promise<readonly ValidatedRendition[]> {
  const listings = entries.flatMap(({ renditions }) => renditions)
  const validated = tracks.map(async (track) => {
    const listing = listings.find(({ index }) => index === track.index)
    const isComplete =
      listing !== undefined && mediaFileNames(listing).every((name) => (context.sizes.get(name) ?? 0) > 0)
    return isComplete ? [await validateRendition(track, listing, context)] : []
  })
  return (await Promise.all(validated)).flat()
}

async function validateRendition(
  track: PlannedTrack,
  listing: RenditionListing,
  context: ValidationContext,
): Promise<ValidatedRendition> {
  const { plan, settings, sizes } = context
  const probed = await probeRendition(listing, context)
  if (hasError(probed.findings)) return { track, listing, ...probed }
  const { streams, segments, totals } = probed
  const { file } = listing
  const bytes = listing.segments.reduce((sum, { name }) => sum + (sizes.get(name) ?? 0), 0)
  const presence = checkTrackPresence(streams, track, file)
  const media = settings.hlsDepth === 'basic' || presence.length > 0 ? [] : checkSegments(segments, track, plan)
  const findings = [
    ...presence,
    ...checkStreams(streams, track, { plan, file }),
    ...(media.length > 0 ? media : checkTotals(totals, streams, { listing, plan })),
    ...checkBitRate(track, { bytes, durationSec: totalDurationSec(listing.segments) }, plan, file),
  ]
  return { track, listing, streams, segments, findings }
}

/** Checks alignment and sync between renditions that have no errors of their own. */
function checkAcrossRenditions(
  renditions: readonly ValidatedRendition[],
  { plan }: ValidationContext,
): readonly Finding[] {
  const valid = renditions.filter(({ findings }) => !hasError(findings))
  const videos: readonly (ValidatedRendition & AlignedRendition)[] = valid.filter(({ track }) => track.video !== null)
  const fps = plan.video === null ? 0 : plan.video.fps.num / plan.video.fps.den
  const audio = valid.find(({ track }) => track.video === null)
  return [
    ...checkAlignment(videos, fps),
    ...videos.flatMap(({ segments, listing }) =>
      checkSync(segmentsRange(segments, 'video'), segmentsRange(audio?.segments ?? segments, 'audio'), listing.file),
    ),
  ]
}

function checkVariants(
  entry: SetListing,
  renditions: readonly ValidatedRendition[],
  { plan, sizes }: ValidationContext,
): readonly Finding[] {
  return entry.variants.flatMap((variant) => {
    const members = renditions.filter(({ track }) => variant.indexes.includes(track.index))
    return checkDeclaredVariant(variant, members, plan, sizes)
  })
}

/** Decodes one rendition after the other: each decoder uses all CPU cores. */
async function decodeRenditions(
  renditions: readonly ValidatedRendition[],
  context: ValidationContext,
): Promise<readonly Finding[]> {
  if (!context.settings.decodeTest) return []
  const findings: Finding[] = []
  for (const { listing } of renditions) {
    const input = concatInput(context.plan.container, mediaFileNames(listing))
    findings.push(...(await checkDecoding(input, context, listing.file)))
  }
  return findings
}
