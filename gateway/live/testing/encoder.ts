import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { counterFilters } from '../../../shared/testing/frame-counter.ts'

/** An encoder that publishes a broadcast, whose frames carry their numbers. */
export type TestEncoder = AsyncDisposable & {
  /** Resolves with its exit code and its last output once it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>
  kill(signal: NodeJS.Signals): void
}

export type EncoderOptions = {
  /** `rtmp://…/live/KEY`. */
  readonly url: string
  readonly height?: 180 | 360
  /** From when to when it is black and silent, in seconds. */
  readonly dark?: readonly [number, number]
  /** Length of the broadcast, in seconds. */
  readonly sec: number
}

/** Starts ffmpeg as an encoder: 30 frames a second in real time, with a key frame every two seconds. */
export function startEncoder({ url, sec, height = 180, dark }: EncoderOptions): TestEncoder {
  const size = `${(height * 16) / 9}x${height}`
  const [from, to] = dark ?? [0, 0]
  const isDark = `enable='between(t,${from},${to})*${to}'`
  const video = `color=c=gray:s=${size}:r=30,${counterFilters(height)},drawbox=c=black:t=fill:${isDark}`
  const args = [
    [
      '-nostdin',
      '-v',
      'error',
      '-re',
      '-f',
      'lavfi',
      '-i',
      video,
      '-re',
      '-f',
      'lavfi',
      '-i',
      `sine=440:r=48000,volume=0:${isDark}`,
    ],
    ['-t', String(sec), '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'],
    ['-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-b:v', '300k', '-c:a', 'aac', '-b:a', '64k'],
    ['-f', 'flv', '-flvflags', 'no_duration_filesize', url],
  ].flat()
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-4000)))
  const ended = once(child, 'close').then(([code]: unknown[]) => ({
    code: typeof code === 'number' ? code : null,
    output,
  }))
  return {
    ended,
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
