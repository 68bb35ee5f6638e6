import { type Aligned, checkAgreement, checkAlignment } from './alignment.ts'
import { checkSync, rangeOfSegments } from './av-sync.ts'
import { checkBitRate } from './bit-rates.ts'
import { checkClaim, type ReadTrack } from './claims.ts'
import { checkDecoding } from './decode.ts'
import type { Environment } from './environment.ts'
import { checkListed, listedNames } from './files.ts'
import { fault, type Finding, hasFault } from './findings.ts'
import { entryInput, partsInput } from './input.ts'
import { checkListedDurations } from './lengths.ts'
import { readListings } from './listings.ts'
import { readMedia } from './media.ts'
import { readRendition } from './rendition.ts'
import { checkSegments } from './segments.ts'
import { checkStreams } from './single-file.ts'
import type { SegmentMedia } from './spans.ts'
import { type Listing, type Listings, plannedTracks, type Track, totalSec } from './track.ts'
import { checkTracks } from './tracks.ts'

/** A set's entry opens, and the tracks are in it; where a full decode is asked for, all that it leads to is decoded. */
export async function checkEntry(environment: Environment): Promise<readonly Finding[]> {
  const { plan, set, settings } = environment
  const input = entryInput(set.dir, set.entry)
  const reading = await readMedia(input, environment, false)
  if (reading.kind === 'failed') return [fault('FFPROBE_FAILED', set.entry, `ffprobe ${reading.reason}`)]
  const whole = { picture: plan.video?.renditions[0] ?? null, hasSound: plan.audio !== null }
  const found = checkTracks(reading.media.streams, whole, set.entry)
  return found.length > 0 || !settings.decodeTest ? found : checkDecoding(input, environment, set.entry)
}

type Rendition = ReadTrack & { readonly segments: readonly SegmentMedia[]; readonly findings: readonly Finding[] }

/**
 * Checks a set from its playlists and manifests down to the frames. What does not hold keeps the checks that build on
 * it from running, so that one fault is told once. `reported`: files that it has told of.
 */
export async function checkSegmentedSet(
  environment: Environment,
): Promise<{ readonly findings: readonly Finding[]; readonly reported: ReadonlySet<string> }> {
  const { plan, set, sizes } = environment
  const tracks = plannedTracks(plan)
  const entries = await readListings(environment, tracks)
  const listed = entries.flatMap((entry) => [
    ...entry.findings,
    ...checkListed(set, sizes, entry),
    ...checkListedDurations(entry, plan),
  ])
  const agreement = hasFault(listed) ? [] : checkEntries(entries)
  const reported = new Set(listed.flatMap(({ code, file }) => (code === 'HLS_SEGMENT_MISSING' ? (file ?? []) : [])))
  const renditions = await readAll(entries, tracks, environment)
  const media = [...renditions.flatMap(({ findings }) => findings), ...checkTogether(renditions, environment)]
  const found = [...listed, ...agreement, ...media]
  const claims = hasFault(found) ? [] : entries.flatMap((entry) => checkClaims(entry, renditions, environment))
  const decoding = hasFault([...found, ...claims]) ? [] : await decodeAll(renditions, environment)
  return { findings: [...found, ...claims, ...decoding], reported }
}

function checkEntries([first, ...others]: readonly Listings[]): readonly Finding[] {
  const listings = others.flatMap((entry) => entry.listings)
  return (first?.listings ?? []).flatMap((listing) =>
    checkAgreement(
      listing,
      listings.filter(({ index }) => index === listing.index),
    ),
  )
}

/** Each planned rendition that is listed and complete, read once, be it listed by two entries or by one. */
async function readAll(
  entries: readonly Listings[],
  tracks: readonly Track[],
  environment: Environment,
): Promise<readonly Rendition[]> {
  const listings = entries.flatMap((entry) => entry.listings)
  const read = tracks.map(async (track) => {
    const listing = listings.find(({ index }) => index === track.index)
    const isComplete =
      listing !== undefined && listedNames(listing).every((name) => (environment.sizes.get(name) ?? 0) > 0)
    return isComplete ? [await readOne(track, listing, environment)] : []
  })
  return (await Promise.all(read)).flat()
}

async function readOne(track: Track, listing: Listing, environment: Environment): Promise<Rendition> {
  const { plan, settings, sizes } = environment
  const { streams, segments, findings } = await readRendition(listing, environment)
  const rendition = { track, listing, streams, segments }
  if (hasFault(findings)) return { ...rendition, findings }
  const { file } = listing
  const bytes = listing.segments.reduce((sum, { name }) => sum + (sizes.get(name) ?? 0), 0)
  const lacking = checkTracks(streams, track, file)
  const found = [
    ...lacking,
    ...checkStreams(streams, track, { plan, file }),
    ...(settings.hlsDepth === 'basic' || lacking.length > 0 ? [] : checkSegments(segments, track, plan)),
    ...checkBitRate(track, { bytes, durationSec: totalSec(listing.segments) }, plan, file),
  ]
  return { ...rendition, findings: found }
}

/** What holds between renditions; of one that is itself at fault nothing more is said. */
function checkTogether(renditions: readonly Rendition[], { plan }: Environment): readonly Finding[] {
  const sound = renditions.filter(({ findings }) => !hasFault(findings))
  const pictures = sound.filter(({ track }) => track.picture !== null)
  const aligned: readonly Aligned[] = pictures
  const fps = plan.video === null ? 0 : plan.video.fps.num / plan.video.fps.den
  const ownSound = sound.find(({ track }) => track.picture === null)
  return [
    ...checkAlignment(aligned, fps),
    ...pictures.flatMap(({ segments, listing }) =>
      checkSync(
        rangeOfSegments(segments, 'picture'),
        rangeOfSegments(ownSound?.segments ?? segments, 'sound'),
        listing.file,
      ),
    ),
  ]
}

function checkClaims(entry: Listings, renditions: readonly Rendition[], { plan, sizes }: Environment) {
  return entry.claims.flatMap((claim) => {
    const played = renditions.filter(({ track }) => claim.tracks.includes(track.index))
    return checkClaim(claim, played, plan, sizes)
  })
}

/** One after the other: each uses all cores. */
async function decodeAll(renditions: readonly Rendition[], environment: Environment): Promise<readonly Finding[]> {
  if (!environment.settings.decodeTest) return []
  const findings: Finding[] = []
  for (const { listing } of renditions) {
    const input = partsInput(environment.plan.container, listedNames(listing))
    findings.push(...(await checkDecoding(input, environment, listing.file)))
  }
  return findings
}
