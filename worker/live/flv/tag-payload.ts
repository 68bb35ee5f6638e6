import { TAG_TYPE, type FlvTag } from './flv-tag.ts'
import { readAudioPayload, readVideoPayload, type MediaPayload } from './media-payload.ts'

/** Returns what an audio or video tag holds; `null` of every other tag. */
export function readTagPayload({ type, body }: Pick<FlvTag, 'type' | 'body'>): MediaPayload | null {
  if (type === TAG_TYPE.video) return readVideoPayload(body)
  return type === TAG_TYPE.audio ? readAudioPayload(body) : null
}

/** Returns whether a tag holds the configuration of a decoder. */
export function isConfiguration(tag: Pick<FlvTag, 'type' | 'body'>): boolean {
  return readTagPayload(tag)?.kind === 'header'
}
