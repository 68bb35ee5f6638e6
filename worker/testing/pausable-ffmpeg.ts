import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Passes its input on to ffmpeg. While the first file exists, it keeps what has arrived and creates the second one. */
const RELAY = `
const { existsSync, writeFileSync } = require('node:fs')
const { setTimeout } = require('node:timers/promises')
const [held, paused] = process.argv.slice(2)
;(async () => {
  for await (const chunk of process.stdin) {
    for (; existsSync(held); await setTimeout(20)) writeFileSync(paused, '')
    process.stdout.write(chunk)
  }
})()
`

/** Creates an ffmpeg that does not read on while it is paused; dispose of it to remove it. */
export async function makePausableFfmpeg() {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-ffmpeg-'))
  const file = (name: string) => join(dir, name)
  await writeFile(file('relay.cjs'), RELAY)
  const relay = `'${process.execPath}' '${file('relay.cjs')}' '${file('hold')}' '${file('paused')}'`
  // The relay has none of ffmpeg's other pipes: they end with ffmpeg.
  await writeFile(file('ffmpeg'), `#!/bin/sh\n${relay} 3>&- 4>&- 5>&- | ffmpeg "$@"\n`, { mode: 0o755 })
  return {
    path: file('ffmpeg'),
    pause: () => writeFile(file('hold'), ''),
    isPaused: () => existsSync(file('paused')),
    resume: () => rm(file('hold')),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}
