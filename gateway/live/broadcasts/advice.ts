import type { BroadcastHealth, PublisherFacts } from '../../../shared/contract/live.ts'

/** The longest interval of key frames that a player starts quickly with, in seconds. */
const GOOD_KEYFRAME_INTERVAL_SEC = 2.1
/** Jitter that the buffers of players do not hide, in ms. */
const BAD_JITTER_MS = 500

/** Returns what the owner of a broadcast can do better, in words. */
export function adviceFor(publisher: PublisherFacts | null, health: BroadcastHealth | null): string[] {
  return [...adviceForEncoder(publisher), ...(health === null ? [] : adviceForEncoding(health))]
}

function adviceForEncoder(publisher: PublisherFacts | null): string[] {
  if (publisher === null) return ['No encoder publishes; it can reconnect with the same key.']
  const { video, audio, jitter_ms: jitterMs } = publisher
  const isSparse = (video?.keyframe_interval_sec ?? 0) > GOOD_KEYFRAME_INTERVAL_SEC
  return [
    ...(video === null ? ['The encoder sends no picture.'] : []),
    ...(audio === null ? ['The encoder sends no sound.'] : []),
    ...(isSparse ? ['Set the key frame interval of the encoder to 2 s.'] : []),
    ...(jitterMs > BAD_JITTER_MS
      ? ['The connection of the encoder is uneven: lower its bit rate, and choose a constant one.']
      : []),
  ]
}

function adviceForEncoding({ is_top_rung_dropped: isDropped, problem }: BroadcastHealth): string[] {
  return [
    ...(isDropped ? ['The highest rendition is left out, because this machine encodes too slowly.'] : []),
    ...(problem === null ? [] : [`Nothing is encoded: ${problem}.`]),
  ]
}
