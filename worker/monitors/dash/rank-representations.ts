import { rankRenditions, type StreamVariant } from '../playlist/master-playlist.ts'
import type { RenditionChoice, RepresentationChoice, StreamRendition, TrackSelection } from '../stream.ts'
import type { Mpd, MpdPeriod, Representation, SegmentSource } from './mpd.ts'

/** Most representations of sound that are tried beside each picture. */
const MAX_SOUNDS = 2

/**
 * Ranks the renditions of an MPD as those of an HLS master playlist: the fewest lines, then the lowest bandwidth, and the
 * main sound. Protected ones are watched only where nothing is clear. `nowSec`: the server's time; `null` if static.
 */
export function rankChoices(mpd: Mpd, url: string, nowSec: number | null): readonly RenditionChoice[] {
  const period = findCurrentPeriod(mpd, nowSec)
  return period === null ? [] : rankPeriod(period, url)
}

/**
 * Returns the choices of the period in which the newest listed segment is, where it has other tracks than a rendition was
 * chosen for: with or without a sound beside the picture. `null` where the rendition is as good as when it was chosen.
 */
export function rankChanged(
  mpd: Mpd,
  { url, tracks, representation }: StreamRendition,
  newestPeriod: string | undefined,
): readonly RenditionChoice[] | null {
  const period = mpd.periods.find(({ key }) => key === newestPeriod)
  // The picture decides for its sound, whose newest segment may be in the period before.
  if (period === undefined || tracks === 'sound') return null
  const choices = rankPeriod(period, url)
  const isAlike = (each: StreamRendition) =>
    each.tracks === tracks && each.representation?.tracks === representation?.tracks
  return choices.length === 0 || choices.flat().some(isAlike) ? null : choices
}

function rankPeriod({ representations }: MpdPeriod, url: string): readonly RenditionChoice[] {
  const clear = representations.filter(({ protection }) => protection === null)
  const usable = clear.some(({ tracks }) => tracks !== 'sound') || representations.length === clear.length
  const ranked = (usable ? clear : representations).toSorted(compareRepresentations)
  const pictures = ranked.filter(({ tracks }) => tracks !== 'sound')
  const sounds = ranked.filter(({ tracks }) => tracks === 'sound')
  const watched = pictures.length > 0 ? pictures : sounds
  // References of the ranking stand for representations.
  const variants = watched.map((each): StreamVariant => toVariant(each, representations, sounds))
  return rankRenditions({ variants }).flatMap((choice) =>
    toServers(choice.map(({ url: place, tracks }) => ({ found: representations[Number(place)], tracks }))).map(
      (renditions) => renditions.map(({ found, tracks, server }) => toRendition(url, found, { tracks, server })),
    ),
  )
}

type RankedRendition = { readonly found: Representation | undefined; readonly tracks: TrackSelection }

/** Repeats a choice for each of its base URLs: where one fails, the next one serves the same. */
function toServers(choice: readonly RankedRendition[]): readonly (readonly (RankedRendition & { server: number })[])[] {
  const count = Math.max(1, ...choice.map(({ found }) => found?.sources.length ?? 1))
  return Array.from({ length: count }, (_, server) => choice.map((rendition) => ({ ...rendition, server })))
}

function toVariant(
  representation: Representation,
  all: readonly Representation[],
  sounds: readonly Representation[],
): StreamVariant {
  const { bandwidth, lines, tracks } = representation
  const place = (each: Representation) => String(all.indexOf(each))
  return {
    url: place(representation),
    bandwidth,
    lines,
    hasPicture: tracks !== 'sound',
    hasSound: tracks !== 'picture' || sounds.length > 0,
    soundUrls: tracks === 'picture' ? sounds.slice(0, MAX_SOUNDS).map(place) : [],
  }
}

function toRendition(
  url: string,
  found: Representation | undefined,
  { tracks, server }: { readonly tracks: TrackSelection; readonly server: number },
): StreamRendition {
  const representation = { id: found?.id ?? '', tracks: found?.tracks ?? tracks }
  // One of both tracks may be a guess.
  const declared = found === undefined || found.tracks === 'both' ? {} : { declared: [found.tracks] }
  return { url, tracks, ...declared, representation: server === 0 ? representation : { ...representation, server } }
}

/** Returns the newest period that has begun and has a representation, else the first that has one. */
function findCurrentPeriod({ periods }: Mpd, nowSec: number | null): MpdPeriod | null {
  const usable = periods.filter(({ representations }) => representations.length > 0)
  const begun = usable.filter(({ startSec }) => nowSec !== null && startSec <= nowSec)
  return begun.at(-1) ?? usable[0] ?? null
}

function compareRepresentations(a: Representation, b: Representation): number {
  return a.rank - b.rank || compareKnown(a.lines, b.lines) || compareKnown(a.bandwidth, b.bandwidth)
}

/** Compares in ascending order, what is not known last. */
function compareKnown(a: number | null, b: number | null): number {
  return (a ?? Number.MAX_VALUE) - (b ?? Number.MAX_VALUE)
}

/** A representation at one of its base URLs. */
export type PickedRepresentation = Pick<Representation, 'protection'> & { readonly source: SegmentSource }

/**
 * Picks the chosen representation of a period at its base URL, or the best of the same tracks: each period may have its own.
 */
export function pickRepresentation(period: MpdPeriod, choice: RepresentationChoice): PickedRepresentation | null {
  const found = findChosen(period, choice)
  const source = found?.sources[choice.server ?? 0] ?? found?.sources.at(-1)
  return found === null || source === undefined ? null : { protection: found.protection, source }
}

function findChosen({ representations }: MpdPeriod, { id, tracks }: RepresentationChoice): Representation | null {
  const alike = representations.filter((each) => each.tracks === tracks || each.tracks === 'both' || tracks === 'both')
  const same = alike.find((each) => each.id === id && each.tracks === tracks)
  if (same !== undefined) return same
  const ofKind = alike.filter((each) => (tracks === 'both' ? each.tracks !== 'sound' : true))
  return ofKind.toSorted((a, b) => comparePreferred(a, b, tracks))[0] ?? null
}

/** Compares representations: those of exactly these tracks come first. */
function comparePreferred(a: Representation, b: Representation, tracks: TrackSelection): number {
  return Number(a.tracks !== tracks) - Number(b.tracks !== tracks) || compareRepresentations(a, b)
}
