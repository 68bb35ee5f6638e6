import { appendFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { readBodies } from './boxes.ts'
import { type FragmentSpan, readFragment } from './fragment.ts'
import { mediaBytes, openWith, readWith } from './set-folder.ts'
import { SetFault } from './set-fault.ts'
import type { Segment, Track } from './track.ts'
import { readTrackHeader, type TrackHeader } from './track-header.ts'

const CHUNK = /^chunk_(\d+)_(\d+)\.m4s$/

/**
 * Reads `init_N.m4s` and `chunk_N_N.m4s` of one track: when each segment is shown stands in it. `names` are those of
 * all files in the folder. Throws a `SetFault` where something is missing, empty, unreadable or out of order.
 */
export async function readFragmentedTrack(dir: string, names: readonly string[], index: number): Promise<Track> {
  const initName = `init_${index}.m4s`
  const header = await readWith(dir, initName, readTrackHeader)
  const chunks: Chunk[] = []
  for (const name of chunkNames(names, index)) chunks.push(await readChunk(dir, name, header))
  const segments = toSegments(await joinShortEnd(dir, chunks, header), index)
  return { index, codecs: [header.codec], timescale: header.timescale, initName, segments }
}

type Chunk = FragmentSpan & { readonly name: string; readonly bytes: number }

/** A track's chunks by number; one that is left out would shift all after it. */
function chunkNames(names: readonly string[], index: number): string[] {
  const numbered = names.flatMap((name) => {
    const [, track, number] = CHUNK.exec(name) ?? []
    return Number(track) === index ? [{ name, number: Number(number) }] : []
  })
  const sorted = numbered.toSorted((a, b) => a.number - b.number)
  for (const [at, { name, number }] of sorted.entries()) {
    if (number !== at + 1) throw new SetFault('HLS_SEGMENT_MISSING', name, `comes where chunk ${at + 1} should`)
  }
  return sorted.map(({ name }) => name)
}

async function readChunk(dir: string, name: string, header: TrackHeader): Promise<Chunk> {
  const bytes = await mediaBytes(dir, name)
  const spans = await openWith(dir, name, async (file) => {
    const moofs = await readBodies(file, bytes, 'moof')
    return moofs.map((moof) => readFragment(moof, header.defaultSampleDuration))
  })
  // What an encoder needs to get going is decoded before the presentation begins, and not shown.
  const start = Math.max(0, Math.min(...spans.map((span) => span.start)) + header.shift)
  const end = Math.max(...spans.map((span) => span.end)) + header.shift
  return { name, bytes, start, end }
}

/**
 * Puts a very short last chunk behind the one before it, in its file: a segment may hold several fragments. Players
 * that leave the edit list out of account, as hls.js does, look for it behind its place, and wait for it at the end.
 */
async function joinShortEnd(dir: string, chunks: readonly Chunk[], { shift }: TrackHeader): Promise<readonly Chunk[]> {
  const [before, last] = chunks.slice(-2)
  if (before === undefined || last === undefined) return chunks
  if (last.end - last.start >= 2 * Math.abs(shift)) return chunks
  await appendFile(join(dir, before.name), await readFile(join(dir, last.name)))
  await rm(join(dir, last.name))
  return [...chunks.slice(0, -2), { ...before, bytes: before.bytes + last.bytes, end: last.end }]
}

/** A segment lasts until the next one begins. */
function toSegments(chunks: readonly Chunk[], index: number): Track['segments'] {
  const [first, ...others] = chunks.map(({ name, bytes, start, end }, at): Segment => {
    const next = chunks[at + 1]
    const duration = (next?.start ?? end) - start
    if (duration <= 0) throw new SetFault('HLS_DURATION_MISMATCH', name, 'does not end after it begins')
    return { name, bytes, start, duration }
  })
  if (first === undefined) throw new SetFault('HLS_SEGMENT_MISSING', null, `there is no chunk of track ${index}`)
  return [first, ...others]
}
