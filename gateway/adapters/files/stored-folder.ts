import { constants, open, realpath, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import type { ObjectStore, StoredFile } from '../../ports/object-store.ts'

/** Symbolic links are not followed; opening a FIFO or a device does not block. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const NOT_FOUND_CODES = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EISDIR', 'ENAMETOOLONG', 'EACCES'])

/** Opens a folder of this machine as an object store. Files outside the folder count as missing. */
export function openStoredFolder(dir: string): ObjectStore {
  return {
    async open(names) {
      try {
        const path = join(await realpath(dir), ...names)
        if ((await realpath(path)) !== path) return null
        return await toStoredFile(await open(path, OPEN_FLAGS))
      } catch (error) {
        if (error instanceof Error && 'code' in error && NOT_FOUND_CODES.has(String(error.code))) return null
        throw error
      }
    },
  }
}

async function toStoredFile(handle: FileHandle): Promise<StoredFile | null> {
  const stat = await handle.stat({ bigint: true })
  if (!stat.isFile()) {
    await handle.close()
    return null
  }
  return {
    size: Number(stat.size),
    // Files are stored by a rename: new content always has a new inode.
    version: [stat.ino, stat.size, stat.mtimeNs].map((part) => part.toString(36)).join('-'),
    read: (start, end) => streamRange(handle, start, end),
    close: () => handle.close(),
  }
}

const CHUNK_BYTES = 256 * 1024

/** Streams a byte range chunk by chunk as the consumer reads, and closes the file at its end. */
function streamRange(handle: FileHandle, start: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = start
  async function pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): Promise<void> {
    try {
      const piece = new Uint8Array(Math.min(CHUNK_BYTES, end - at + 1))
      const { bytesRead } = await handle.read(piece, 0, piece.length, at)
      if (bytesRead === 0) throw new Error('the file has become shorter while it was read')
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
