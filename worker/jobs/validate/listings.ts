import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readDashListings } from './dash-listings.ts'
import type { Environment } from './environment.ts'
import { fault, type Finding } from './findings.ts'
import { readHlsListings, type ReadText } from './hls-listings.ts'
import type { Listings, Track } from './track.ts'

/** Fixed by the layout: a CMAF set stands behind both. */
const ENTRIES = {
  mp4: [],
  hls: ['master.m3u8'],
  dash: ['manifest.mpd'],
  cmaf: ['master.m3u8', 'manifest.mpd'],
} as const

/** Reads the entries of a set, and finds what of the planned renditions they do not list. */
export async function readListings(environment: Environment, tracks: readonly Track[]): Promise<readonly Listings[]> {
  const { plan, set, sizes } = environment
  const readText: ReadText = (name) => (sizes.has(name) ? readFile(join(set.dir, name), 'utf8') : Promise.resolve(null))
  return Promise.all(
    ENTRIES[plan.container].map(async (entry) => {
      const text = await readText(entry)
      // A missing entry is reported as a file.
      if (text === null) return { entry, listings: [], claims: [], durationSec: null, findings: [] }
      const read = entry.endsWith('.mpd') ? readDashListings(text, entry) : await readHlsListings(text, entry, readText)
      return { ...read, findings: [...read.findings, ...unlisted(read, tracks, entry)] }
    }),
  )
}

function unlisted({ listings, findings }: Listings, tracks: readonly Track[], entry: string): readonly Finding[] {
  // Where something could not be read, that is why it is not listed.
  if (findings.some(({ code }) => code === 'HLS_PLAYLIST_SYNTAX_ERROR')) return []
  const listed = new Set(listings.map(({ index }) => index))
  const missing = tracks.filter(({ index }) => !listed.has(index))
  return missing.map(({ index, picture }) => {
    const what = picture === null ? 'the sound' : `the rendition of ${picture.height} lines`
    return fault('HLS_PLAYLIST_SYNTAX_ERROR', entry, `${what} (${index}) is not listed`)
  })
}
