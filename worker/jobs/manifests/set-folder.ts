import { type FileHandle, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { SetFault } from './set-fault.ts'

/** A media file's size in bytes. Throws a `SetFault` where it is missing or empty. */
export async function mediaBytes(dir: string, name: string): Promise<number> {
  const found = await orMissing(name, stat(join(dir, name)))
  if (found.size === 0) throw new SetFault('FILE_EMPTY', name, 'is empty')
  return found.size
}

/** Reads a whole file with a function that throws a `RangeError` at bytes that it cannot use: that becomes a `SetFault`. */
export async function readWith<Result>(dir: string, name: string, read: (bytes: Buffer) => Result): Promise<Result> {
  const bytes = await orMissing(name, readFile(join(dir, name)))
  if (bytes.length === 0) throw new SetFault('FILE_EMPTY', name, 'is empty')
  return asFault(name, async () => read(bytes))
}

/** As `readWith`, of a file that is read in parts. */
export async function openWith<Result>(
  dir: string,
  name: string,
  read: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await orMissing(name, open(join(dir, name)))
  try {
    return await asFault(name, () => read(file))
  } finally {
    await file.close()
  }
}

/** Removes whatever lies in the folder beside these files. */
export async function removeOthers(dir: string, names: readonly string[]): Promise<void> {
  const kept = new Set(names)
  const others = (await readdir(dir)).filter((name) => !kept.has(name))
  await Promise.all(others.map((name) => rm(join(dir, name), { recursive: true, force: true })))
}

async function orMissing<Result>(name: string, found: Promise<Result>): Promise<Result> {
  try {
    return await found
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new SetFault('FILE_NOT_FOUND', name, 'is missing')
    }
    throw error
  }
}

async function asFault<Result>(name: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof RangeError) throw new SetFault('FFPROBE_FAILED', name, `cannot be read: ${error.message}`)
    throw error
  }
}
