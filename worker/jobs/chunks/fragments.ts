import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

import { readBodies } from '../manifests/boxes.ts'

/**
 * Muxer options of what the workers of a job hand to one another: fragmented MP4 or MOV whose clock is the source's or
 * the output's own, tick for tick (`tfdt`, ISO/IEC 14496-12 §8.8.12), with no edit list that would move it. A fragment
 * ends with each GOP, after ten seconds at the latest, so that ffmpeg need not hold more.
 */
export const EXACT_CLOCK: readonly string[] = [
  ['-avoid_negative_ts', 'disabled', '-use_editlist', '0', '-frag_duration', '10000000'],
  ['-movflags', 'frag_keyframe+frag_discont+empty_moov+default_base_moof+skip_trailer'],
  ['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact'],
].flat()

/**
 * What is added to every time in these files, for such a clock cannot go below 0, and decoding begins before the first
 * frame is shown. A whole number of seconds is one of ticks too, in every time base.
 */
export const HEADROOM_SEC = 100

/** Header of a box with a 32 bit size: `ftyp` and `moov` always have one. */
const BOX_HEADER_BYTES = 8

/**
 * Joins fragmented files that hold successive parts of one track: the first as it is, then the fragments of the others.
 * Gives `null`, or says which part has another header than the first, so that its frames cannot stand behind the same
 * parameter sets. Throws what the file system does.
 */
export async function joinFragments(
  parts: readonly string[],
  target: string,
  signal: AbortSignal,
): Promise<string | null> {
  let head: Buffer | null = null
  for (const [index, path] of parts.entries()) {
    const own = await readHead(path)
    if (own === null) return `part ${index} is not whole`
    if (head !== null && !own.equals(head)) return `part ${index} was made with other parameters than the first`
    const start = head === null ? 0 : own.length
    head ??= own
    await pipeline(createReadStream(path, { start }), createWriteStream(target, { flags: index === 0 ? 'w' : 'a' }), {
      signal,
    })
  }
  return null
}

/** All that stands before the first fragment; `null` where the file is broken. */
async function readHead(path: string): Promise<Buffer | null> {
  const file = await open(path)
  try {
    return await headOf(file)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  } finally {
    await file.close()
  }
}

async function headOf(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat()
  const [ftyp] = await readBodies(file, size, 'ftyp')
  const [moov] = await readBodies(file, size, 'moov')
  if (ftyp === undefined || moov === undefined) throw new RangeError('has no header')
  const head = Buffer.alloc(ftyp.length + moov.length + 2 * BOX_HEADER_BYTES)
  await file.read(head, 0, head.length, 0)
  return head
}
