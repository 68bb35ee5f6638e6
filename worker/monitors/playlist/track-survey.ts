/**
 * Decides on the tracks that the first segment of a rendition lacks, though another choice may have them: a master
 * playlist need not say that a variant is sound alone. The newest segments of the other choices are read, once; what none
 * of them has is absent. A track that is lost later is absent at once.
 */

import { demuxSegment } from '../../media/demux/demux-segment.ts'
import type { SegmentFindings } from '../analyze/findings.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { RenditionChoice, StreamRendition, StreamSegment, StreamSource, TrackKind } from '../stream.ts'
import { identifyChoice, identifyRendition } from './rendition-identity.ts'

/** Reports whether a segment's findings hold for its stream. Where they do not, another choice is watched from now on. */
export type ConfirmTracks = (findings: SegmentFindings) => Promise<boolean>

/** Finds out which choice has the tracks that the watched one lacks. */
export type TrackSurvey = {
  /** Creates the confirmation of a rendition's segments, in order. */
  createConfirmation(rendition: StreamRendition): ConfirmTracks
  /** Returns a source whose choices that lack a track come last, and are not watched where there is another. */
  arrange(source: StreamSource): StreamSource
}

/** What a survey works on. `onFound` is called with the source to watch instead. */
type SurveyOptions = {
  readonly watched: () => StreamSource | null
  readonly onFound: (source: StreamSource) => void
}

/** Choices that are remembered for their lack of a track. */
const MAX_LACKING = 64

/** Creates a survey that has read no segment. */
export function createTrackSurvey(context: MonitorContext, { watched, onFound }: SurveyOptions): TrackSurvey {
  const { lifetime, log } = context
  /** Tracks that no choice has. */
  const absent = new Set<TrackKind>()
  const lacking = new Set<string>()
  let last: Promise<unknown> = Promise.resolve()

  function arrange(source: StreamSource): StreamSource {
    const { choices = [] } = source
    const isLacking = (choice: RenditionChoice) => lacking.has(identifyChoice(choice))
    const [first, ...others] = choices.filter((choice) => !isLacking(choice))
    if (first === undefined || others.length + 1 === choices.length) return source
    const arranged = { ...source, choices: [first, ...others, ...choices.filter(isLacking)] }
    if (!isLacking(source.renditions)) return arranged
    const { problem: _, ...unproblematic } = arranged
    return { ...unproblematic, renditions: first }
  }

  function dismiss(choice: RenditionChoice): void {
    lacking.add(identifyChoice(choice))
    for (const oldest of [...lacking].slice(0, -MAX_LACKING)) lacking.delete(oldest)
  }

  async function holds(lacks: readonly TrackKind[], rendition: StreamRendition): Promise<boolean> {
    const source = watched()
    if (source === null || !isWatched(rendition, source)) return false
    const { choices = [], renditions } = source
    const current = identifyChoice(renditions)
    const others = choices.filter((choice) => ![...lacking, current].includes(identifyChoice(choice)))
    const found = await findFuller(others, lacks, context)
    if (lifetime.stopping.aborted || watched() !== source) return false
    if (found === null) {
      for (const track of lacks) absent.add(track)
      return true
    }
    log.info('another rendition has a track that the watched one lacks', { lacks })
    const isBest = choices[0] !== undefined && identifyChoice(choices[0]) === current
    dismiss(renditions)
    const preferred = isBest ? [found, ...choices.filter((choice) => choice !== found)] : choices
    onFound({ ...arrange({ ...source, choices: preferred }), renditions: found })
    return false
  }

  return {
    arrange,
    createConfirmation(rendition) {
      let isConfirmed = false
      return async (findings) => {
        const lacks = listAbsent(findings).filter((track) => !absent.has(track))
        if (isConfirmed || lacks.length === 0) return (isConfirmed = true)
        // One survey at a time: it may decide on the other rendition too.
        const decision = last.then(() => holds(lacks, rendition))
        last = decision.catch(() => null)
        return (isConfirmed = await decision)
      }
    },
  }
}

function listAbsent(findings: SegmentFindings): readonly TrackKind[] {
  return TRACKS.filter((track) => findings[track]?.kind === 'absent')
}

const TRACKS: readonly TrackKind[] = ['picture', 'sound']

function isWatched(rendition: StreamRendition, { renditions }: StreamSource): boolean {
  return renditions.some((each) => identifyRendition(each) === identifyRendition(rendition))
}

/** Time after which no other choice is read, in ms. The watched segments wait for it. */
const MAX_SURVEY_MS = 20_000

/** Returns the first choice that has every track, else that which lacks the least; `null` where none lacks less. */
async function findFuller(
  choices: readonly RenditionChoice[],
  lacks: readonly TrackKind[],
  context: MonitorContext,
): Promise<RenditionChoice | null> {
  const untilMs = context.clock.nowMs() + MAX_SURVEY_MS
  const known: KnownTracks = new Map()
  let found: RenditionChoice | null = null
  let least = rankLack(lacks)
  for (const choice of choices) {
    if (least === 0 || context.lifetime.stopping.aborted || context.clock.nowMs() >= untilMs) break
    const tracks = await Promise.all(choice.map((rendition) => readOnce(rendition, known, context)))
    if (tracks.includes(null)) continue
    const rank = rankLack(TRACKS.filter((track) => !tracks.some((each) => each?.includes(track))))
    if (rank < least) [found, least] = [choice, rank]
  }
  return found
}

/** Ranks what a choice lacks: a picture matters more than a sound. */
function rankLack(lacks: readonly TrackKind[]): number {
  return (lacks.includes('picture') ? 2 : 0) + (lacks.includes('sound') ? 1 : 0)
}

/** Tracks of the renditions that were read, by their identity: several choices share one. */
type KnownTracks = Map<string, Promise<readonly TrackKind[] | null>>

function readOnce(
  rendition: StreamRendition,
  known: KnownTracks,
  context: MonitorContext,
): Promise<readonly TrackKind[] | null> {
  const key = identifyRendition(rendition)
  const read = known.get(key) ?? readTracks(rendition, context)
  known.set(key, read)
  return read
}

function isFetchable({ isGap, isUnusable, encryption }: StreamSegment): boolean {
  return isGap !== true && isUnusable !== true && encryption?.kind !== 'drm'
}

/** Returns the tracks of a rendition's newest segment that it would be watched for; `null` where it cannot be read. */
async function readTracks(
  rendition: StreamRendition,
  { client, lifetime }: MonitorContext,
): Promise<readonly TrackKind[] | null> {
  const listed = await client.fetchPlaylist(rendition, lifetime.stopping)
  if (listed.kind === 'failed' || listed.playlist.isEnded) return null
  const newest = listed.playlist.segments.findLast(isFetchable)
  if (newest === undefined) return null
  const fetched = await client.fetchSegment(newest, lifetime.stopping)
  const demuxed = fetched.kind === 'ok' ? demuxSegment(fetched, null) : null
  if (demuxed?.kind !== 'demuxed') return null
  const { media } = demuxed
  return TRACKS.filter(
    (track) => media[track].packets.length > 0 && (rendition.tracks === 'both' || rendition.tracks === track),
  )
}
