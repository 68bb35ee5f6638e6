import { appendFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { readBoxBodies } from '../../media/mp4/boxes.ts'
import { BrokenSetError } from './broken-set-error.ts'
import { type FragmentSpan, readFragmentSpan } from './fragment.ts'
import type { ManifestTrack, TrackSegment } from './manifest-track.ts'
import { parseFile, parseOpenFile, readMediaSize } from './set-folder.ts'
import { readTrackHeader, type TrackHeader } from './track-header.ts'

const CHUNK_NAME = /^chunk_(\d+)_(\d+)\.m4s$/

/**
 * Reads a track of fMP4 from `init_N.m4s` and `chunk_N_N.m4s`, with the exact times of its fragments. `names` are the names
 * of all files in the folder.
 * @throws BrokenSetError where a file is missing, empty, unreadable or out of order
 */
export async function readFragmentedTrack(
  dir: string,
  names: readonly string[],
  index: number,
): Promise<ManifestTrack> {
  const initName = `init_${index}.m4s`
  const header = await parseFile(dir, initName, readTrackHeader)
  const chunks: ChunkFile[] = []
  for (const name of selectChunkNames(names, index)) chunks.push(await readChunk(dir, name, header))
  const segments = toSegments(await mergeShortLastChunk(dir, chunks, header), index)
  return { index, codecs: [header.codec], timescale: header.timescale, initName, segments }
}

type ChunkFile = FragmentSpan & { readonly name: string; readonly bytes: number }

/** Returns the names of a track's chunks in order. A missing number is an error: it would shift all later segments. */
function selectChunkNames(names: readonly string[], index: number): string[] {
  const numbered = names.flatMap((name) => {
    const [, track, number] = CHUNK_NAME.exec(name) ?? []
    return Number(track) === index ? [{ name, number: Number(number) }] : []
  })
  const sorted = numbered.toSorted((a, b) => a.number - b.number)
  for (const [at, { name, number }] of sorted.entries()) {
    if (number !== at + 1) {
      throw new BrokenSetError('HLS_SEGMENT_MISSING', name, `stands in place of chunk ${at + 1}`)
    }
  }
  return sorted.map(({ name }) => name)
}

async function readChunk(dir: string, name: string, header: TrackHeader): Promise<ChunkFile> {
  const bytes = await readMediaSize(dir, name)
  const spans = await parseOpenFile(dir, name, async (file) => {
    const moofs = await readBoxBodies(file, bytes, 'moof')
    return moofs.map((moof) => readFragmentSpan(moof, header.defaultSampleDuration))
  })
  // Priming samples of an encoder are decoded before time 0 and not presented.
  const start = Math.max(0, Math.min(...spans.map((span) => span.start)) + header.presentationOffset)
  const end = Math.max(...spans.map((span) => span.end)) + header.presentationOffset
  return { name, bytes, start, end }
}

/**
 * Appends a very short last chunk to the previous file; a segment may have several fragments. Players that ignore the edit
 * list, such as hls.js, expect its samples at shifted times, find none in its interval, and stall at the end.
 */
async function mergeShortLastChunk(
  dir: string,
  chunks: readonly ChunkFile[],
  { presentationOffset }: TrackHeader,
): Promise<readonly ChunkFile[]> {
  const [previous, last] = chunks.slice(-2)
  if (previous === undefined || last === undefined) return chunks
  if (last.end - last.start >= 2 * Math.abs(presentationOffset)) return chunks
  await appendFile(join(dir, previous.name), await readFile(join(dir, last.name)))
  await rm(join(dir, last.name))
  return [...chunks.slice(0, -2), { ...previous, bytes: previous.bytes + last.bytes, end: last.end }]
}

/** Returns the segments of a track: each lasts until the next one starts. */
function toSegments(chunks: readonly ChunkFile[], index: number): ManifestTrack['segments'] {
  const [first, ...others] = chunks.map(({ name, bytes, start, end }, at): TrackSegment => {
    const next = chunks[at + 1]
    const duration = (next?.start ?? end) - start
    if (duration <= 0) throw new BrokenSetError('HLS_DURATION_MISMATCH', name, 'has no positive duration')
    return { name, bytes, start, duration }
  })
  if (first === undefined) throw new BrokenSetError('HLS_SEGMENT_MISSING', null, `track ${index} has no chunk`)
  return [first, ...others]
}
