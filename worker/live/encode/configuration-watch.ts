import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { isConfiguration } from '../flv/tag-payload.ts'
import type { SourceStart } from '../source/collect-start.ts'

/**
 * Returns a function that returns whether a tag changes what the encoder of a run was started for: another decoder
 * configuration, or sound where there was none.
 */
export function createConfigurationWatch({ tags, hasAudio }: SourceStart): (tag: FlvTag) => boolean {
  const known = new Map<number, Buffer>()
  for (const tag of tags) if (isConfiguration(tag)) known.set(tag.type, tag.body)
  return (tag) => {
    if (tag.type === TAG_TYPE.audio && !hasAudio) return true
    return isConfiguration(tag) && known.get(tag.type)?.equals(tag.body) !== true
  }
}
