const CODES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const MESSAGE = /No space left on device|Disk quota exceeded/

/** Returns whether an error means that the disk, a quota or the file-size limit is full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CODES.has(String(error.code))
}

/** Returns whether a program says so on its stderr. */
export function saysDiskFull(stderr: string): boolean {
  return MESSAGE.test(stderr)
}
