import { parse } from 'mpd-parser'
import * as v from 'valibot'

import { errorFinding, type Finding } from './findings.ts'
import { type DeclaredVariant, parseRenditionIndex, type RenditionListing, type SetListing } from './set-listing.ts'

const amount = v.pipe(v.number(), v.finite(), v.minValue(0))

const ParsedRepresentation = v.object({
  attributes: v.object({
    BANDWIDTH: v.nullish(amount, null),
    RESOLUTION: v.nullish(v.object({ width: amount, height: amount }), null),
    CODECS: v.nullish(v.string(), null),
    'FRAME-RATE': v.nullish(amount, null),
  }),
  /** False in a manifest of a live presentation (`type="dynamic"`). */
  endList: v.boolean(),
  targetDuration: amount,
  segments: v.pipe(
    v.array(v.object({ uri: v.string(), duration: amount, map: v.object({ uri: v.string() }) })),
    v.minLength(1),
  ),
})
type ParsedRepresentation = v.InferOutput<typeof ParsedRepresentation>

const ParsedManifest = v.object({
  duration: amount,
  playlists: v.array(ParsedRepresentation),
  mediaGroups: v.object({
    AUDIO: v.record(v.string(), v.record(v.string(), v.object({ playlists: v.array(ParsedRepresentation) }))),
  }),
})

/**
 * Reads a DASH manifest (ISO/IEC 23009-1). Its errors are among the findings, with the code for HLS playlists: DASH has
 * no code of its own.
 */
export function readDashListing(text: string, entry: string): SetListing {
  const manifest = v.safeParse(ParsedManifest, parseManifest(text))
  if (!manifest.success) {
    const findings = [syntaxError(entry, 'is not a complete DASH manifest')]
    return { entry, renditions: [], variants: [], durationSec: null, findings }
  }
  const { playlists, mediaGroups, duration } = manifest.output
  const audio = Object.values(mediaGroups.AUDIO).flatMap((group) =>
    Object.values(group).flatMap((member) => member.playlists),
  )
  const representations = [...playlists, ...audio]
  // By index: mpd-parser returns the audio of a manifest without video in both places.
  const listed = new Map<number, { rendition: RenditionListing; variant: DeclaredVariant }>()
  const findings: Finding[] = []
  for (const representation of representations) {
    const init = representation.segments[0]?.map.uri ?? ''
    const index = parseRenditionIndex(init)
    if (index === null) {
      findings.push(syntaxError(entry, `refers to "${init}", which is not a name of the output's layout`))
    } else {
      const rendition = toRendition(representation, entry, index)
      listed.set(index, { rendition, variant: toVariant(representation, entry, index) })
    }
  }
  if (!representations.every(({ endList }) => endList))
    findings.push(syntaxError(entry, 'is the manifest of a live presentation'))
  return {
    entry,
    durationSec: duration,
    renditions: [...listed.values()].map(({ rendition }) => rendition),
    variants: [...listed.values()].map(({ variant }) => variant),
    findings,
  }
}

function toRendition(
  { segments, targetDuration }: ParsedRepresentation,
  file: string,
  index: number,
): RenditionListing {
  return {
    file,
    index,
    init: segments[0]?.map.uri ?? null,
    segments: segments.map(({ uri, duration }) => ({ name: uri, durationSec: duration })),
    targetDurationSec: targetDuration,
  }
}

function toVariant({ attributes }: ParsedRepresentation, file: string, index: number): DeclaredVariant {
  return {
    file,
    indexes: [index],
    bandwidth: attributes.BANDWIDTH,
    averageBandwidth: null,
    resolution: attributes.RESOLUTION,
    codecs: attributes.CODECS,
    frameRate: attributes['FRAME-RATE'],
  }
}

/**
 * Returns the parsed manifest; `null` where it is truncated, or where mpd-parser throws, as it does without a Period.
 * mpd-parser would log a truncated manifest to the console.
 */
function parseManifest(text: string): unknown {
  if (!/<\/MPD>\s*$/.test(text)) return null
  try {
    return parse(text, { manifestUri: 'manifest.mpd' })
  } catch {
    return null
  }
}

function syntaxError(file: string, message: string): Finding {
  return errorFinding('HLS_PLAYLIST_SYNTAX_ERROR', file, message)
}
