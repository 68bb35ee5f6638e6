import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { OutputSet } from '../plan/output-plan.ts'
import { errorFinding, type Finding } from './findings.ts'
import { mediaFileNames, parseRenditionIndex, type SetListing } from './set-listing.ts'

/** Returns the size in bytes of each file of a set, by name; without names that are missing or no regular files. */
export async function readSizes({ dir, files }: OutputSet): Promise<ReadonlyMap<string, number>> {
  const entries = await Promise.all(
    files.map(async (name) => {
      const stats = await stat(join(dir, name)).catch(() => null)
      return stats?.isFile() === true ? [[name, stats.size] as const] : []
    }),
  )
  return new Map(entries.flat())
}

/** Checks that every file exists and is not empty. `reported` names files with an error of another check. */
export function checkFiles(
  { files }: OutputSet,
  sizes: ReadonlyMap<string, number>,
  reported: ReadonlySet<string>,
): readonly Finding[] {
  return files
    .filter((name) => !reported.has(name))
    .flatMap((name) => {
      const size = sizes.get(name)
      if (size === undefined) return [errorFinding('FILE_NOT_FOUND', name, 'is not in the output')]
      return size === 0 ? [errorFinding('FILE_EMPTY', name, 'is empty')] : []
    })
}

/** Checks that every listed file exists and is not empty, and that every media file is listed. */
export function checkListedFiles(
  { files }: OutputSet,
  sizes: ReadonlyMap<string, number>,
  { entry, renditions }: SetListing,
): readonly Finding[] {
  const missing = renditions.flatMap((listing) =>
    mediaFileNames(listing)
      .filter((name) => (sizes.get(name) ?? 0) === 0)
      .map((name) => {
        const message = `is listed in ${listing.file}, but is ${sizes.has(name) ? 'empty' : 'missing'}`
        return errorFinding('HLS_SEGMENT_MISSING', name, message)
      }),
  )
  const listed = new Set(renditions.flatMap(mediaFileNames))
  // Renditions without a readable listing are reported elsewhere.
  const readable = new Set(renditions.map(({ index }) => index))
  const unlisted = files.filter(
    (name) => isMediaFile(name) && readable.has(parseRenditionIndex(name) ?? -1) && !listed.has(name),
  )
  return [
    ...missing,
    ...unlisted.map((name) => errorFinding('HLS_SEGMENT_MISSING', name, `is not listed in ${entry} or its playlists`)),
  ]
}

function isMediaFile(name: string): boolean {
  return /\.(?:ts|m4s)$/.test(name)
}
