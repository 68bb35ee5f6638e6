import { type FileHandle, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { BrokenSetError } from './broken-set-error.ts'

/**
 * Returns the size of a media file in bytes.
 * @throws BrokenSetError where it is missing or empty
 */
export async function readMediaSize(dir: string, name: string): Promise<number> {
  const { size } = await reportMissing(name, stat(join(dir, name)))
  if (size === 0) throw new BrokenSetError('FILE_EMPTY', name, 'is empty')
  return size
}

/**
 * Reads a whole file and parses it. `parse` throws a `RangeError` for bytes that it cannot parse.
 * @throws BrokenSetError
 */
export async function parseFile<Result>(dir: string, name: string, parse: (bytes: Buffer) => Result): Promise<Result> {
  const bytes = await reportMissing(name, readFile(join(dir, name)))
  if (bytes.length === 0) throw new BrokenSetError('FILE_EMPTY', name, 'is empty')
  return reportUnreadable(name, async () => parse(bytes))
}

/**
 * Opens a file and parses parts of it. `parse` throws a `RangeError` for bytes that it cannot parse.
 * @throws BrokenSetError
 */
export async function parseOpenFile<Result>(
  dir: string,
  name: string,
  parse: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await reportMissing(name, open(join(dir, name)))
  try {
    return await reportUnreadable(name, () => parse(file))
  } finally {
    await file.close()
  }
}

/** Removes everything in a folder except the named files. */
export async function removeOtherFiles(dir: string, names: readonly string[]): Promise<void> {
  const kept = new Set(names)
  const others = (await readdir(dir)).filter((name) => !kept.has(name))
  await Promise.all(others.map((name) => rm(join(dir, name), { recursive: true, force: true })))
}

async function reportMissing<Result>(name: string, result: Promise<Result>): Promise<Result> {
  try {
    return await result
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new BrokenSetError('FILE_NOT_FOUND', name, 'is missing')
    }
    throw error
  }
}

async function reportUnreadable<Result>(name: string, parse: () => Promise<Result>): Promise<Result> {
  try {
    return await parse()
  } catch (error) {
    if (error instanceof RangeError)
      throw new BrokenSetError('FFPROBE_FAILED', name, `cannot be read: ${error.message}`)
    throw error
  }
}
