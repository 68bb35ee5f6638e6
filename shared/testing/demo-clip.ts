import { runFfmpeg } from './run-ffmpeg.ts'

/** The clip that the demo encodes. */
export const DEMO_CLIP = { sec: 12, size: '1280x720', fps: 30 } as const

const TIMEOUT_MS = 60_000

/**
 * Encodes a clip with a moving picture and a tone into one MP4 file.
 * @throws Error where ffmpeg fails
 */
export async function makeDemoClip(path: string, signal: AbortSignal): Promise<void> {
  const { sec, size, fps } = DEMO_CLIP
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${fps}:d=${sec},noise=alls=4:allf=t`]
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:beep_factor=4:sample_rate=48000:duration=${sec}`]
  const encoding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-crf', '23', '-c:a', 'aac']
  const args = ['-nostdin', '-v', 'error', ...picture, ...sound, ...encoding, '-movflags', '+faststart', path]
  const ffmpeg = process.env['FFMPEG_PATH'] || 'ffmpeg'
  await runFfmpeg(ffmpeg, args, { timeoutMs: TIMEOUT_MS, signal })
}
