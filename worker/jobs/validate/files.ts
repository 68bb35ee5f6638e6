import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { OutputSet } from '../output-plan.ts'
import { fault, type Finding } from './findings.ts'
import { type Listings, type ListedSegment, indexOf } from './track.ts'

/** Bytes of each file of a set, by its name; what is not there, or is no file, is left out. */
export async function readSizes({ dir, files }: OutputSet): Promise<ReadonlyMap<string, number>> {
  const found = await Promise.all(
    files.map(async (name) => {
      const stats = await stat(join(dir, name)).catch(() => null)
      return stats?.isFile() === true ? [[name, stats.size] as const] : []
    }),
  )
  return new Map(found.flat())
}

/** Every file is there and not empty. `reported`: names that another check tells of. */
export function checkFiles(
  { files }: OutputSet,
  sizes: ReadonlyMap<string, number>,
  reported: ReadonlySet<string>,
): readonly Finding[] {
  return files
    .filter((name) => !reported.has(name))
    .flatMap((name) => {
      const size = sizes.get(name)
      if (size === undefined) return [fault('FILE_NOT_FOUND', name, 'is not in the output')]
      return size === 0 ? [fault('FILE_EMPTY', name, 'is empty')] : []
    })
}

/** Every file that playlists and manifests list is there and not empty, and every media file is listed. */
export function checkListed(
  { files }: OutputSet,
  sizes: ReadonlyMap<string, number>,
  { entry, listings }: Listings,
): readonly Finding[] {
  const lost = listings.flatMap((listing) =>
    listedNames(listing)
      .filter((name) => (sizes.get(name) ?? 0) === 0)
      .map((name) =>
        fault(
          'HLS_SEGMENT_MISSING',
          name,
          `${listing.file} lists it, but it is ${sizes.has(name) ? 'empty' : 'not there'}`,
        ),
      ),
  )
  const listed = new Set(listings.flatMap(listedNames))
  // What could not be read lists nothing, and is told of elsewhere.
  const readable = new Set(listings.map(({ index }) => index))
  const unlisted = files.filter((name) => isMedia(name) && readable.has(indexOf(name) ?? -1) && !listed.has(name))
  return [
    ...lost,
    ...unlisted.map((name) => fault('HLS_SEGMENT_MISSING', name, `${entry} leads to no list that has it`)),
  ]
}

/** All files of a rendition's media: the init segment, where there is one, and the segments. */
export function listedNames(listing: { readonly init: string | null; readonly segments: readonly ListedSegment[] }) {
  const segments = listing.segments.map(({ name }) => name)
  return listing.init === null ? segments : [listing.init, ...segments]
}

function isMedia(name: string): boolean {
  return /\.(?:ts|m4s)$/.test(name)
}
