import { checkSync, rangeOfStream } from './av-sync.ts'
import { checkBitRate } from './bit-rates.ts'
import { checkPicture, checkSize, checkSound } from './codecs.ts'
import { checkDecoding } from './decode.ts'
import type { Environment } from './environment.ts'
import { fault, type Finding, hasFault } from './findings.ts'
import { fileInput } from './input.ts'
import { checkDuration } from './lengths.ts'
import { type Media, readMedia, type Stream } from './media.ts'
import { plannedTracks, type Track } from './track.ts'
import { checkTracks } from './tracks.ts'

/** Checks the one file of an output, which must be there. */
export async function checkSingleFile(environment: Environment): Promise<readonly Finding[]> {
  const { plan, set, settings } = environment
  const [track] = plannedTracks(plan)
  const input = fileInput(set.dir, set.entry)
  const reading = await readMedia(input, environment, false)
  if (track === undefined) return [fault('NO_VIDEO_STREAM', set.entry, 'was planned without picture and sound')]
  if (reading.kind === 'failed') return [fault('FFPROBE_FAILED', set.entry, `ffprobe ${reading.reason}`)]
  const tracks = checkTracks(reading.media.streams, track, set.entry)
  const isEnough = settings.level === 'minimal' || tracks.length > 0
  const found = isEnough ? tracks : checkMedia(reading.media, track, environment)
  if (!settings.decodeTest || hasFault(found)) return found
  return [...found, ...(await checkDecoding(input, environment, set.entry))]
}

function checkMedia(media: Media, track: Track, { plan, set, sizes }: Environment): readonly Finding[] {
  const bytes = sizes.get(set.entry) ?? 0
  const durationSec = media.durationSec ?? 0
  return [
    ...checkStreams(media.streams, track, { plan, file: set.entry }),
    ...checkDuration(media.durationSec, plan, set.entry),
    ...checkSync(rangeOfStream(media, 'video'), rangeOfStream(media, 'audio'), set.entry),
    ...checkBitRate(track, { bytes, durationSec }, plan, set.entry),
  ]
}

/** Codec and size of the tracks are as planned. */
export function checkStreams(
  streams: readonly Stream[],
  { picture }: Track,
  { plan, file }: { readonly plan: Environment['plan']; readonly file: string },
): readonly Finding[] {
  const video = streams.find(({ codec_type }) => codec_type === 'video')
  const audio = streams.find(({ codec_type }) => codec_type === 'audio')
  return [
    ...(video === undefined ? [] : checkPicture(video, plan, file)),
    ...(video === undefined || picture === null ? [] : checkSize(video, picture, file)),
    ...(audio === undefined ? [] : checkSound(audio, plan, file)),
  ]
}
