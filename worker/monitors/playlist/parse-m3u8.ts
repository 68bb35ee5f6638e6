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

/** The used part of m3u8-parser's result. `playlists` is not empty for a master playlist. */
export type RawManifest = v.InferOutput<typeof RawManifest>

/** Parses a playlist's text; `null` if it is malformed, such as a segment without a duration. */
export function parseM3u8(text: string): RawManifest | null {
  const parser = new Parser()
  parser.addParser({ expression: /^#EXT-X-GAP/, customType: 'gap', segment: true })
  try {
    parser.push(text)
    parser.end()
  } catch {
    // The parser throws on some malformed attributes, such as a short IV.
    return null
  }
  const parsed = v.safeParse(RawManifest, parser.manifest)
  return parsed.success ? parsed.output : null
}

/** Resolves a playlist's reference to an absolute URL; `null` for another scheme than http(s). */
export function resolveHttpUrl(reference: string, baseUrl: string): string | null {
  const url = parseUrl(reference, baseUrl)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href : null
}

/** Parses a URL once: `canParse` before it would double the work for a playlist of thousands of references. */
function parseUrl(reference: string, baseUrl: string): URL | null {
  try {
    return new URL(reference, baseUrl)
  } catch {
    return null
  }
}
