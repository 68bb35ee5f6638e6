import { Parser } from 'm3u8-parser'
import * as v from 'valibot'

const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const RawByteRange = v.object({ length: amount, offset: v.optional(amount, 0) })

const RawSegment = v.object({
  uri: v.string(),
  duration: amount,
  discontinuity: v.optional(v.boolean(), false),
  dateTimeObject: v.optional(v.instance(Date)),
  byterange: v.optional(RawByteRange),
  map: v.optional(v.object({ uri: v.string(), byterange: v.optional(RawByteRange) })),
  key: v.optional(v.object({ method: v.string() })),
  custom: v.optional(v.object({ gap: v.optional(v.string()) })),
})
export type RawSegment = v.InferOutput<typeof RawSegment>

const RawVariant = v.object({
  uri: v.string(),
  attributes: v.optional(
    v.object({
      BANDWIDTH: v.optional(amount),
      RESOLUTION: v.optional(v.object({ height: v.optional(amount) })),
      CODECS: v.optional(v.string()),
      AUDIO: v.optional(v.string()),
    }),
    {},
  ),
})
export type RawVariant = v.InferOutput<typeof RawVariant>

const RawAudio = v.object({ default: v.boolean(), autoselect: v.boolean(), uri: v.optional(v.string()) })

const RawManifest = v.object({
  targetDuration: v.optional(amount),
  mediaSequence: v.optional(v.number()),
  endList: v.optional(v.boolean(), false),
  segments: v.array(RawSegment),
  playlists: v.optional(v.array(RawVariant), []),
  mediaGroups: v.optional(v.object({ AUDIO: v.record(v.string(), v.record(v.string(), RawAudio)) }), { AUDIO: {} }),
  contentProtection: v.optional(v.unknown()),
})

/** What m3u8-parser makes of a playlist, as far as it is used; of a master playlist `playlists` is not empty. */
export type RawManifest = v.InferOutput<typeof RawManifest>

/** Reads a playlist's text without judging it; `null` where it makes no sense, such as a segment without a duration. */
export function readManifest(text: string): RawManifest | null {
  const parser = new Parser()
  parser.addParser({ expression: /^#EXT-X-GAP/, customType: 'gap', segment: true })
  try {
    parser.push(text)
    parser.end()
  } catch {
    // It throws on some malformed attributes, such as a short IV.
    return null
  }
  const parsed = v.safeParse(RawManifest, parser.manifest)
  return parsed.success ? parsed.output : null
}

/** A reference of a playlist as an absolute URL; `null` where it leads elsewhere than to http(s). */
export function httpUrl(reference: string, baseUrl: string): string | null {
  const url = parseUrl(reference, baseUrl)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href : null
}

/** In one go, for a playlist may hold thousands: `canParse` before it would double the work. */
function parseUrl(reference: string, baseUrl: string): URL | null {
  try {
    return new URL(reference, baseUrl)
  } catch {
    return null
  }
}
