import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { createFlvReader } from '../flv/flv-reader.ts'
import type { FlvTag } from '../flv/flv-tag.ts'

/** A clip in FLV; disposing of it removes its file. */
export type FlvClip = AsyncDisposable & { readonly path: string; readonly tags: readonly FlvTag[] }

export type FlvClipOptions = {
  readonly sec: number
  readonly video?: readonly string[] | null
  readonly audio?: readonly string[] | null
}

const FPS = 25
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '2', '-pix_fmt', 'yuv420p']
const AAC = ['-c:a', 'aac', '-b:a', '64k']

/** Encodes a clip of 160x90 at 25 frames per second with a key frame each second, and a tone. */
export async function makeFlvClip({ sec, video = H264, audio = AAC }: FlvClipOptions): Promise<FlvClip> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-flv-'))
  const path = join(dir, 'clip.flv')
  const inputs = [
    ...(video === null ? [] : ['-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=${FPS}`]),
    ...(audio === null ? [] : ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100']),
  ]
  const args = [
    '-v',
    'error',
    '-y',
    ...inputs,
    ...(video ?? []),
    ...(audio ?? []),
    '-t',
    String(sec),
    '-f',
    'flv',
    path,
  ]
  await runFfmpeg('ffmpeg', args, { timeoutMs: PATIENCE_MS })
  const tags = createFlvReader().read(await readFile(path))
  return { path, tags, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}
