import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** Length of the clip, in seconds. */
const CLIP_SEC = 24
const FPS = 30
const VIDEO_KBPS = 1900

/** Makes what an encoder sends: 720p30 with sound at 2 Mb/s, a key frame every two seconds. Returns its path. */
export function makeSourceClip(path: string): string {
  const picture = `testsrc2=s=1280x720:r=${FPS}:d=${CLIP_SEC},noise=alls=6:allf=t`
  const rate = `${VIDEO_KBPS}k`
  const args = [
    ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=440:r=48000:d=${CLIP_SEC}`],
    ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'],
    ['-g', String(2 * FPS), '-keyint_min', String(2 * FPS), '-sc_threshold', '0'],
    ['-b:v', rate, '-minrate', rate, '-maxrate', rate, '-bufsize', rate, '-x264-params', 'nal-hrd=cbr'],
    ['-c:a', 'aac', '-b:a', '96k', '-f', 'flv', path],
  ].flat()
  const { status, stderr } = spawnSync('ffmpeg', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ffmpeg failed: ${stderr}`)
  return path
}

/** An encoder that costs nothing: it sends the clip as it is, in real time. */
export type ClipPublisher = AsyncDisposable & {
  /** Resolves once all was sent, or the encoder was refused. */
  readonly ended: Promise<unknown>
}

/** Publishes the clip to `rtmp://…/live/KEY`. */
export function publishClip(clip: string, url: string): ClipPublisher {
  const args = ['-nostdin', '-v', 'error', '-re', '-i', clip, '-c', 'copy', '-f', 'flv', url]
  const child = spawn('ffmpeg', args, { stdio: 'ignore' })
  const ended = once(child, 'close')
  return {
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
