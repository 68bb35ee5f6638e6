import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

import { readBoxBodies } from '../../media/mp4/boxes.ts'

/**
 * Muxer options of the files that the workers of a job exchange: fragmented MP4 or MOV with the exact clock of the input
 * or the output (`tfdt`, ISO/IEC 14496-12 §8.8.12) and no edit list that would move it. A fragment ends with each GOP,
 * after 10 s at the latest, which limits ffmpeg's memory.
 */
export const EXACT_CLOCK_OPTIONS: readonly string[] = [
  ['-avoid_negative_ts', 'disabled', '-use_editlist', '0', '-frag_duration', '10000000'],
  ['-movflags', 'frag_keyframe+frag_discont+empty_moov+default_base_moof+skip_trailer'],
  ['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact'],
].flat()

/**
 * Added to every timestamp in these files: the clock cannot be negative, and decoding begins before the first frame is
 * displayed. A whole number of seconds is a whole number of ticks in every time base.
 */
export const TIMESTAMP_OFFSET_SEC = 100

/** Header of a box with a 32-bit size, which `ftyp` and `moov` always have. */
const BOX_HEADER_BYTES = 8

/**
 * Joins fragmented files that hold successive parts of a track: the first file, then the fragments of the others.
 * Returns `null`, or a description of the file that is broken or whose header, and so its parameter sets, differ.
 * @throws the file system's errors
 */
export async function joinFragments(
  paths: readonly string[],
  target: string,
  signal: AbortSignal,
): Promise<string | null> {
  let firstHeader: Buffer | null = null
  for (const [index, path] of paths.entries()) {
    const header = await readHeader(path)
    if (header === null) return `part ${index} is incomplete`
    if (firstHeader !== null && !header.equals(firstHeader))
      return `part ${index} was encoded with other parameters than the first`
    const start = firstHeader === null ? 0 : header.length
    firstHeader ??= header
    const output = createWriteStream(target, { flags: index === 0 ? 'w' : 'a' })
    await pipeline(createReadStream(path, { start }), output, { signal })
  }
  return null
}

/** Reads everything before the first fragment; `null` for a broken file. */
async function readHeader(path: string): Promise<Buffer | null> {
  const file = await open(path)
  try {
    return await readHeaderBoxes(file)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  } finally {
    await file.close()
  }
}

async function readHeaderBoxes(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat()
  const [ftyp] = await readBoxBodies(file, size, 'ftyp')
  const [moov] = await readBoxBodies(file, size, 'moov')
  if (ftyp === undefined || moov === undefined) throw new RangeError('the file has no header')
  const header = Buffer.alloc(ftyp.length + moov.length + 2 * BOX_HEADER_BYTES)
  await file.read(header, 0, header.length, 0)
  return header
}
