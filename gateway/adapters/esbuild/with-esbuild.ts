import { stop } from 'esbuild'

/** Pieces of work that run. They share one esbuild process. */
let running = 0

/**
 * Runs `build`, which calls esbuild, and ends esbuild's process after the last build that runs: it would wake up for a
 * ping each second, and keep a buffer as large as its largest output in this process.
 */
export async function withEsbuild<Result>(build: () => Promise<Result>): Promise<Result> {
  running++
  try {
    return await build()
  } finally {
    running--
    if (running === 0) await stop()
  }
}
