import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { counterFilters } from '../../../shared/testing/frame-counter.ts'
import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { createFlvReader } from '../flv/flv-reader.ts'
import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { readTaggedFrame } from '../source/video-frame.ts'

/** A clip whose picture carries its frame number as 14 squares. */
export type CounterClip = {
  readonly tags: readonly FlvTag[]
  readonly frames: number
  readonly durationMs: number
}

export type CounterClipOptions = {
  readonly sec: number
  /** A number, or a fraction such as `30000/1001`. */
  readonly fps: string
  readonly keyFrameSec?: number
  readonly height?: 180 | 360
  readonly bFrames?: number
  readonly pixelFormat?: string
  readonly withVideo?: boolean
  readonly withAudio?: boolean
}

/** The clips of this process, by their options: most tests of a file want the same few. */
const clips = new Map<string, Promise<CounterClip>>()

/**
 * Encodes a clip as encoders of broadcasts do. The same options return the same clip.
 * @throws Error where ffmpeg fails
 */
export function makeCounterClip(options: CounterClipOptions): Promise<CounterClip> {
  const key = JSON.stringify(options)
  const clip = clips.get(key) ?? encodeCounterClip(options)
  clips.set(key, clip)
  return clip
}

async function encodeCounterClip(options: CounterClipOptions): Promise<CounterClip> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-flv-'))
  try {
    const path = join(dir, 'clip.flv')
    await runFfmpeg('ffmpeg', [...buildArguments(options), path], { timeoutMs: PATIENCE_MS })
    const tags = createFlvReader().read(await readFile(path))
    const times = tags.flatMap((tag) => readTaggedFrame(tag)?.ptsMs ?? [])
    const frames = tags.filter(({ type }) => type === TAG_TYPE.video).length === 0 ? 0 : times.length
    return { tags, frames, durationMs: Math.max(0, ...tags.map(({ timestampMs }) => timestampMs)) }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function buildArguments(options: CounterClipOptions): string[] {
  const { sec, fps, keyFrameSec = 2, height = 180, bFrames = 0, pixelFormat = 'yuv420p' } = options
  const { withVideo = true, withAudio = true } = options
  const gop = String(Math.round(keyFrameSec * readRate(fps)))
  const squares = counterFilters(height)
  const size = `${(height * 16) / 9}x${height}`
  return [
    ['-nostdin', '-v', 'error', '-y'],
    withVideo ? ['-f', 'lavfi', '-i', `color=c=gray:s=${size}:r=${fps},${squares}`] : [],
    withAudio ? ['-f', 'lavfi', '-i', 'sine=440:r=44100'] : [],
    ['-t', String(sec), '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', pixelFormat],
    ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-bf', String(bFrames), '-b:v', '300k', '-maxrate', '400k'],
    ['-bufsize', '400k', '-c:a', 'aac', '-b:a', '64k', '-f', 'flv', '-flvflags', 'no_duration_filesize'],
  ].flat()
}

function readRate(fps: string): number {
  const [rate = '30', scale = '1'] = fps.split('/')
  return Number(rate) / Number(scale)
}
