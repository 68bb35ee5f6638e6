import { constants, open, realpath, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import type { MediaFile, MediaFiles } from '../media/media-files.ts'

/** A link is not followed, and what is no file is not waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EISDIR', 'ENAMETOOLONG', 'EACCES'])

/** The files below a folder of this machine. */
export function createMediaFiles(dir: string): MediaFiles {
  return {
    async open(names) {
      try {
        const path = join(await realpath(dir), ...names)
        if ((await realpath(path)) !== path) return null
        return await toMediaFile(await open(path, FLAGS))
      } catch (error) {
        if (error instanceof Error && 'code' in error && NOT_THERE.has(String(error.code))) return null
        throw error
      }
    },
  }
}

async function toMediaFile(handle: FileHandle): Promise<MediaFile | null> {
  const stat = await handle.stat({ bigint: true })
  if (!stat.isFile()) {
    await handle.close()
    return null
  }
  return {
    size: Number(stat.size),
    // Whoever stores a file renames it into its place: another content is another inode.
    version: [stat.ino, stat.size, stat.mtimeNs].map((part) => part.toString(36)).join('-'),
    read: (start, end) => streamOf(handle, start, end),
    close: () => handle.close(),
  }
}

const PIECE_BYTES = 256 * 1024

/** Piece by piece, as they are taken. */
function streamOf(handle: FileHandle, start: number, end: number): ReadableStream<Uint8Array> {
  let at = start
  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at + 1))
      const { bytesRead } = await handle.read(piece, 0, piece.length, at)
      if (bytesRead === 0) throw new Error('the file is shorter than it was')
      at += bytesRead
      controller.enqueue(piece.subarray(0, bytesRead))
      if (at <= end) return
      controller.close()
      await handle.close()
    } catch (error) {
      await handle.close()
      throw error
    }
  }
  return new ReadableStream({ pull, cancel: () => handle.close() }, { highWaterMark: 0 })
}
