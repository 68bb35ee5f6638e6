import { execFileSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A small disk of a folder. Disposing of it unmounts it. */
export type SmallDisk = AsyncDisposable & {
  /** Fills it to the last byte. */
  fill(): Promise<void>
  /** Removes what `fill` has written. */
  free(): Promise<void>
  /** Makes it larger. */
  resize(options: DiskOptions): void
}

/** Options of tmpfs(5): `size=1m`, `nr_inodes=10`. */
type DiskOptions = `${'size' | 'nr_inodes'}=${string}`

const BLOCK = Buffer.alloc(64 * 1024)

/** Mounts a small disk at a folder, which is created; `null` where this account may not. */
export async function mountSmallDisk(dir: string, options: DiskOptions): Promise<SmallDisk | null> {
  await mkdir(dir, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    return null
  }
  const filler = join(dir, 'filler')
  return {
    async fill() {
      try {
        for (;;) await writeFile(filler, BLOCK, { flag: 'a' })
      } catch {
        // ENOSPC: it is full.
      }
    },
    free: () => rm(filler, { force: true }),
    resize: (larger) => void execFileSync('mount', ['-o', `remount,${larger}`, dir]),
    async [Symbol.asyncDispose]() {
      execFileSync('umount', ['--lazy', dir])
    },
  }
}
