import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Creates an ffmpeg that waits before its work while it is paused; dispose of it to remove it. */
export async function makePausableFfmpeg() {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-ffmpeg-'))
  const [path, held, paused] = ['ffmpeg', 'hold', 'paused'].map((name) => join(dir, name)) as [string, string, string]
  const script = `#!/bin/sh\nwhile [ -e '${held}' ]; do : >'${paused}'; sleep 0.05; done\nexec ffmpeg "$@"\n`
  await writeFile(path, script, { mode: 0o755 })
  return {
    path,
    pause: () => writeFile(held, ''),
    isPaused: () => existsSync(paused),
    resume: () => rm(held),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}
