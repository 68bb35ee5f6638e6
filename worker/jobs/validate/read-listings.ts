import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readDashListing } from './dash-listing.ts'
import { errorFinding, type Finding } from './findings.ts'
import { readHlsListing, type ReadText } from './hls-listing.ts'
import type { PlannedTrack } from './planned-tracks.ts'
import type { SetListing } from './set-listing.ts'
import type { ValidationContext } from './validation-context.ts'

/** Entries of each container's layout; a CMAF set has one for HLS and one for DASH. */
const ENTRIES = {
  mp4: [],
  hls: ['master.m3u8'],
  dash: ['manifest.mpd'],
  cmaf: ['master.m3u8', 'manifest.mpd'],
} as const

/** Reads all entries of a set; a planned rendition that an entry does not list is among its findings. */
export async function readListings(
  { plan, set, sizes }: ValidationContext,
  tracks: readonly PlannedTrack[],
): Promise<readonly SetListing[]> {
  const readText: ReadText = (name) => (sizes.has(name) ? readFile(join(set.dir, name), 'utf8') : Promise.resolve(null))
  return Promise.all(
    ENTRIES[plan.container].map(async (entry) => {
      const text = await readText(entry)
      // A missing entry is reported by the check of files.
      if (text === null) return { entry, renditions: [], variants: [], durationSec: null, findings: [] }
      const listing = entry.endsWith('.mpd')
        ? readDashListing(text, entry)
        : await readHlsListing(text, entry, readText)
      return { ...listing, findings: [...listing.findings, ...checkCompleteness(listing, tracks)] }
    }),
  )
}

function checkCompleteness(
  { entry, renditions, findings }: SetListing,
  tracks: readonly PlannedTrack[],
): readonly Finding[] {
  // A syntax error may be the reason why a rendition is not listed.
  if (findings.some(({ code }) => code === 'HLS_PLAYLIST_SYNTAX_ERROR')) return []
  const listed = new Set(renditions.map(({ index }) => index))
  const missing = tracks.filter(({ index }) => !listed.has(index))
  return missing.map(({ index, video }) => {
    const name = video === null ? 'audio' : `${video.height}p`
    return errorFinding('HLS_PLAYLIST_SYNTAX_ERROR', entry, `does not list the ${name} rendition (${index})`)
  })
}
