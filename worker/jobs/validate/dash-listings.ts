import { parse } from 'mpd-parser'
import * as v from 'valibot'

import { fault, type Finding } from './findings.ts'
import { type Claim, indexOf, type Listing, type Listings } from './track.ts'

const amount = v.pipe(v.number(), v.finite(), v.minValue(0))

const RawPlaylist = v.object({
  attributes: v.object({
    BANDWIDTH: v.nullish(amount, null),
    RESOLUTION: v.nullish(v.object({ width: amount, height: amount }), null),
    CODECS: v.nullish(v.string(), null),
    'FRAME-RATE': v.nullish(amount, null),
  }),
  /** False where the manifest is of a broadcast that goes on (`type="dynamic"`). */
  endList: v.boolean(),
  targetDuration: amount,
  segments: v.pipe(
    v.array(v.object({ uri: v.string(), duration: amount, map: v.object({ uri: v.string() }) })),
    v.minLength(1),
  ),
})
type RawPlaylist = v.InferOutput<typeof RawPlaylist>

const RawManifest = v.object({
  duration: amount,
  playlists: v.array(RawPlaylist),
  mediaGroups: v.object({
    AUDIO: v.record(v.string(), v.record(v.string(), v.object({ playlists: v.array(RawPlaylist) }))),
  }),
})

/**
 * Reads a DASH manifest (ISO/IEC 23009-1). What is wrong with it has the code of an HLS playlist, for there is none of
 * its own.
 */
export function readDashListings(text: string, entry: string): Listings {
  const manifest = v.safeParse(RawManifest, parseManifest(text))
  if (!manifest.success) {
    const findings = [syntax(entry, 'is no complete DASH manifest')]
    return { entry, listings: [], claims: [], durationSec: null, findings }
  }
  const { playlists, mediaGroups, duration } = manifest.output
  const sounds = Object.values(mediaGroups.AUDIO).flatMap((group) =>
    Object.values(group).flatMap((member) => member.playlists),
  )
  // Of a manifest without a picture, mpd-parser gives the sound in both places.
  const listings = new Map<number, { listing: Listing; claim: Claim }>()
  const lost: Finding[] = []
  for (const raw of [...playlists, ...sounds]) {
    const init = raw.segments[0]?.map.uri ?? ''
    const index = indexOf(init)
    if (index === null) lost.push(syntax(entry, `refers to "${init}", which is no name of the output's layout`))
    else listings.set(index, { listing: toListing(raw, entry, index), claim: toClaim(raw, entry, index) })
  }
  const all = [...listings.values()]
  return {
    entry,
    durationSec: duration,
    listings: all.map(({ listing }) => listing),
    claims: all.map(({ claim }) => claim),
    findings: [
      ...lost,
      ...([...playlists, ...sounds].every(({ endList }) => endList)
        ? []
        : [syntax(entry, 'says that the broadcast goes on')]),
    ],
  }
}

function toListing({ segments, targetDuration }: RawPlaylist, file: string, index: number): Listing {
  return {
    file,
    index,
    init: segments[0]?.map.uri ?? null,
    segments: segments.map(({ uri, duration }) => ({ name: uri, durationSec: duration })),
    targetSec: targetDuration,
  }
}

function toClaim({ attributes }: RawPlaylist, file: string, index: number): Claim {
  return {
    file,
    tracks: [index],
    bandwidth: attributes.BANDWIDTH,
    averageBandwidth: null,
    size: attributes.RESOLUTION,
    codecs: attributes.CODECS,
    frameRate: attributes['FRAME-RATE'],
  }
}

/** `null` where mpd-parser throws, as it does on what has no period; of what breaks off it would tell the console. */
function parseManifest(text: string): unknown {
  if (!/<\/MPD>\s*$/.test(text)) return null
  try {
    return parse(text, { manifestUri: 'manifest.mpd' })
  } catch {
    return null
  }
}

function syntax(file: string, message: string): Finding {
  return fault('HLS_PLAYLIST_SYNTAX_ERROR', file, message)
}
