import { join } from 'node:path'

import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'

/** A clip that an encoder sends again and again. */
type SourceClip = { readonly height: number; readonly fps: number; readonly kbps: number; readonly sec: number }

/** Makes a clip with a moving picture and a tone, as encoders of broadcasts make them. Returns its path. */
export async function makeSourceClip(dir: string, { height, fps, kbps, sec }: SourceClip): Promise<string> {
  const path = join(dir, `${height}p${fps}.mp4`)
  const size = `${(height * 16) / 9}x${height}`
  const gop = String(2 * fps)
  const args = [
    ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${fps}`],
    ['-f', 'lavfi', '-i', 'sine=440:r=48000', '-t', String(sec)],
    ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'],
    ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0'],
    ['-b:v', `${kbps}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`, '-c:a', 'aac', '-b:a', '128k', path],
  ].flat()
  await runFfmpeg('ffmpeg', args, { timeoutMs: 300_000 })
  return path
}
