/**
 * Chooses the picture and the sound of a file, as ffmpeg's `av_find_best_stream` and players do.
 *
 * Tracks that cannot be encoded are left out first, then the tracks of other programs. Each criterion then drops the
 * tracks that are worse than the best of the rest, and its words are the reason. The first track of those that remain is
 * chosen. A track of no use never makes a file invalid that has another one.
 */
import type { FfprobeOutput, FfprobeStream, InspectedFile } from './ffprobe-output.ts'
import { parseFraction, type ProbedMedia, type ListedTrack, toNumber, type TrackProblem } from './probed-media.ts'
import { isSecondarySound, isSecondaryPicture } from './track-purpose.ts'
import { findTrackProblem } from './track-problems.ts'

/** The main tracks of a file, and what became of all picture and sound tracks. */
export type TrackChoice = {
  readonly video: FfprobeStream | undefined
  readonly audio: FfprobeStream | undefined
  readonly tracks: readonly ListedTrack[]
  /** The first problem of the pictures, or of the sounds, where none of them can be used. */
  readonly problems: ProbedMedia['problems']
}

type Criterion = {
  /** Returns a track's rank among the tracks that remain; the highest is best. */
  readonly rank: (track: FfprobeStream, remaining: readonly FfprobeStream[]) => number
  readonly reason: string
}

/** Tracks beyond this number are not listed. */
const MAX_LISTED = 64

/** Chooses the main tracks of a file. */
export function chooseTracks(file: InspectedFile): TrackChoice {
  const reasons = new Map<number, string>()
  const problems = new Map<number, TrackProblem>()
  const listed = file.streams.filter(({ codec_type: kind }) => kind === 'video' || kind === 'audio')
  for (const track of listed) {
    const problem = findTrackProblem(track, file)
    if (problem !== null) problems.set(track.index, problem)
  }
  const usable = listed.filter(({ index }) => !problems.has(index))
  const program = chooseProgram(file, usable)
  const inProgram = usable.filter((track) => {
    if (program === null || program.has(track.index) || !isInAnyProgram(file, track)) return true
    reasons.set(track.index, 'it belongs to another program')
    return false
  })
  const ofKind = (kind: string) => inProgram.filter(({ codec_type }) => codec_type === kind)
  const video = eliminate(ofKind('video'), pictureCriteria(file, program), reasons)
  const audio = eliminate(ofKind('audio'), soundCriteria(file, program, video), reasons)
  const firstProblem = (kind: string) =>
    listed.filter(({ codec_type }) => codec_type === kind).flatMap(({ index }) => problems.get(index) ?? [])[0] ?? null
  return {
    video,
    audio,
    tracks: listTracks(listed, [video, audio], (index) => problems.get(index)?.reason ?? reasons.get(index) ?? null),
    problems: {
      video: video === undefined ? firstProblem('video') : null,
      audio: audio === undefined ? firstProblem('audio') : null,
    },
  }
}

function listTracks(
  listed: readonly FfprobeStream[],
  chosen: readonly (FfprobeStream | undefined)[],
  reasonOf: (index: number) => string | null,
): readonly ListedTrack[] {
  const [first, rest] = [listed.filter((track) => chosen.includes(track)), listed.filter((t) => !chosen.includes(t))]
  return [...first, ...rest]
    .slice(0, MAX_LISTED)
    .toSorted((a, b) => a.index - b.index)
    .map((track) => ({
      index: track.index,
      kind: track.codec_type === 'video' ? 'video' : 'audio',
      codec: track.codec_name ?? null,
      language: readLanguage(track),
      isChosen: chosen.includes(track),
      reason: chosen.includes(track) ? null : reasonOf(track.index),
    }))
}

/** Returns the tracks of the first program with the most of picture and sound; `null` where there are no programs. */
function chooseProgram({ programs }: FfprobeOutput, usable: readonly FfprobeStream[]): ReadonlySet<number> | null {
  const rated = programs.map(({ streams }) => {
    const tracks = new Set(streams.map(({ index }) => index))
    const has = (kind: string) => usable.some(({ index, codec_type }) => codec_type === kind && tracks.has(index))
    return { tracks, rank: (has('video') ? 2 : 0) + (has('audio') ? 1 : 0) }
  })
  const best = Math.max(0, ...rated.map(({ rank }) => rank))
  return best === 0 ? null : (rated.find(({ rank }) => rank === best)?.tracks ?? null)
}

function isInAnyProgram({ programs }: FfprobeOutput, { index }: FfprobeStream): boolean {
  return programs.some(({ streams }) => streams.some((stream) => stream.index === index))
}

/** Drops tracks by one criterion after the other, and returns the first of those that remain. */
function eliminate(
  tracks: readonly FfprobeStream[],
  criteria: readonly Criterion[],
  reasons: Map<number, string>,
): FfprobeStream | undefined {
  let remaining = tracks
  for (const { rank, reason } of criteria) {
    const before = remaining
    const best = Math.max(...before.map((track) => rank(track, before)))
    remaining = before.filter((track) => rank(track, before) === best)
    for (const { index } of before.filter((track) => !remaining.includes(track))) reasons.set(index, reason)
  }
  const [chosen, ...others] = remaining
  for (const { index } of others) reasons.set(index, 'an equal track comes before it')
  return chosen
}

function pictureCriteria(file: InspectedFile, program: ReadonlySet<number> | null): readonly Criterion[] {
  return [
    ...commonCriteria(file, program),
    { rank: (track) => toRank(!isSecondaryPicture(track)), reason: 'it is not the main picture' },
    { rank: (track) => toRank(isMoving(track, file)), reason: 'it is a still beside a film' },
    defaultCriterion(file),
    { rank: ({ width, height }) => width * height, reason: 'it is smaller' },
  ]
}

function soundCriteria(
  file: InspectedFile,
  program: ReadonlySet<number> | null,
  video: FfprobeStream | undefined,
): readonly Criterion[] {
  return [
    ...commonCriteria(file, program),
    { rank: (track) => toRank(!isSecondarySound(track)), reason: 'it is a commentary, or made for the impaired' },
    defaultCriterion(file),
    { rank: ({ disposition }) => disposition.original - disposition.dub, reason: 'it is dubbed' },
    {
      rank: (track, [first]) => rankLanguage(track, readPictureLanguage(file, video) ?? (first && readLanguage(first))),
      reason: 'it is in another language',
    },
    { rank: ({ channels }) => channels, reason: 'it has fewer channels' },
  ]
}

function commonCriteria(file: InspectedFile, program: ReadonlySet<number> | null): readonly Criterion[] {
  return [
    { rank: ({ index }) => toRank(program?.has(index) !== false), reason: 'it belongs to no program' },
    { rank: (track) => toRank(!isMov(file) || track.disposition.default === 1), reason: 'it is disabled' },
  ]
}

function defaultCriterion(file: InspectedFile): Criterion {
  return { rank: ({ disposition }) => (isMov(file) ? 0 : disposition.default), reason: 'it is not the default' }
}

function toRank(isBetter: boolean): number {
  return isBetter ? 1 : 0
}

/** Returns whether `default` means "enabled", as ffmpeg reports that flag of MP4 and MOV (ISO/IEC 14496-12 §8.3.2). */
function isMov({ format }: FfprobeOutput): boolean {
  return format.format_name.startsWith('mov')
}

/** Returns whether a picture track has more than one picture, and one each second on average. */
function isMoving({ index, nb_frames, avg_frame_rate }: FfprobeStream, { packets }: InspectedFile): boolean {
  const average = parseFraction(avg_frame_rate)
  if (average !== null && toNumber(average) < 1) return false
  return (nb_frames ?? packets.filter(({ stream_index }) => stream_index === index).length) > 1
}

function rankLanguage(track: FfprobeStream, wanted: string | null | undefined): number {
  const language = readLanguage(track)
  if (wanted === null || wanted === undefined || language === null) return 1
  return language === wanted ? 2 : 0
}

/** Returns a track's language; `null` where it is unknown (ISO 639-2 `und`). */
function readLanguage({ tags: { language } }: FfprobeStream): string | null {
  return language === undefined || language === 'und' || !/^[\w-]{2,20}$/.test(language) ? null : language
}

/** Returns the language of a picture. English is no statement in Matroska: it is the default (RFC 9559 §5.1.4.1.19). */
function readPictureLanguage({ format }: FfprobeOutput, video: FfprobeStream | undefined): string | null {
  const language = video === undefined ? null : readLanguage(video)
  return format.format_name.startsWith('matroska') && language === 'eng' ? null : language
}
