import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { counterFilters } from '../../../shared/testing/frame-counter.ts'
import { until } from '../../../shared/testing/until.ts'

/** An encoder that publishes a broadcast, whose frames carry their numbers. */
export type TestEncoder = AsyncDisposable & {
  /** Resolves with its exit code and its last output once it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>
  /** Returns how many frames it has sent. */
  sentFrames(): number
  /** Returns when it sent a frame, in ms of the unix time, up to 0.1 s too early; `null` where it has not. */
  sentAtMs(number: number): number | null
  kill(signal: NodeJS.Signals): void
}

export type EncoderOptions = {
  /** `rtmp://…/live/KEY`. */
  readonly url: string
  readonly height?: 180 | 360
  /** From when to when it is black and silent, in seconds. */
  readonly dark?: readonly [number, number]
  /** From when to when its picture is still, in seconds. */
  readonly still?: readonly [number, number]
  /** The number of its first frame; 0 by default. */
  readonly firstNumber?: number
  /** Length of the broadcast, in seconds. */
  readonly sec: number
}

/** Frames a second of `startEncoder`. */
export const ENCODER_FPS = 30

/** Starts ffmpeg as an encoder: 30 frames a second in real time, with a key frame every two seconds. */
export function startEncoder({ url, sec, height = 180, dark, still, firstNumber = 0 }: EncoderOptions): TestEncoder {
  const size = `${(height * 16) / 9}x${height}`
  const isWithin = ([from, to]: readonly [number, number] = [0, 0]) => `enable='between(t,${from},${to})*${to}'`
  const isDark = isWithin(dark)
  const color = `color=c=gray:s=${size}:r=${ENCODER_FPS}`
  const video = `${color},${counterFilters(height, firstNumber)},drawbox=c=gray:t=fill:${isWithin(still)},drawbox=c=black:t=fill:${isDark}`
  const inputs = ['-re', '-f', 'lavfi', '-i', video, '-re', '-f', 'lavfi', '-i', `sine=440:r=48000,volume=0:${isDark}`]
  const encoding = [
    ['-t', String(sec), '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'],
    ['-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-b:v', '300k', '-c:a', 'aac', '-b:a', '64k'],
  ].flat()
  return publish([...inputs, ...encoding], url, firstNumber)
}

/** Starts an encoder that connects until it is admitted, as those of broadcasters do: a gateway may answer too late. */
export async function startAdmittedEncoder(options: EncoderOptions): Promise<TestEncoder> {
  for (;;) {
    const encoder = startEncoder(options)
    let hasEnded = false
    void encoder.ended.then(() => (hasEnded = true))
    await until(() => hasEnded || encoder.sentFrames() > 0, 'the encoder sends, or is refused')
    if (!hasEnded) return encoder
  }
}

/** Starts ffmpeg as an encoder that sends a file in real time, as it is and again and again. */
export function startFileEncoder(path: string, url: string): TestEncoder {
  return publish(['-re', '-stream_loop', '-1', '-i', path, '-c', 'copy'], url, 0)
}

/** Runs ffmpeg, which reports the number of its frames ten times a second. */
function publish(args: readonly string[], url: string, firstNumber: number): TestEncoder {
  const report = ['-progress', 'pipe:1', '-stats_period', '0.1']
  const all = ['-nostdin', '-v', 'error', ...report, ...args, '-f', 'flv', '-flvflags', 'no_duration_filesize', url]
  const child = spawn('ffmpeg', all, { stdio: ['ignore', 'pipe', 'pipe'] })
  const reports: { readonly atMs: number; readonly frames: number }[] = [{ atMs: Date.now(), frames: 0 }]
  createInterface({ input: child.stdout }).on('line', (line) => {
    const frames = /^frame=(\d+)/.exec(line)?.[1]
    if (frames !== undefined) reports.push({ atMs: Date.now(), frames: Number(frames) })
  })
  let output = ''
  child.stderr.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-4000)))
  const ended = once(child, 'close').then(([code]: unknown[]) => ({
    code: typeof code === 'number' ? code : null,
    output,
  }))
  return {
    ended,
    sentFrames: () => reports.at(-1)?.frames ?? 0,
    sentAtMs(number) {
      const frame = number - firstNumber
      const isSent = frame >= 0 && reports.some(({ frames }) => frames > frame)
      return isSent ? (reports.findLast(({ frames }) => frames <= frame)?.atMs ?? null) : null
    },
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
