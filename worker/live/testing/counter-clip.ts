import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { counterFilters } from '../../../shared/testing/frame-counter.ts'
import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { demuxSegment } from '../../media/demux/demux-segment.ts'
import type { MediaPacket } from '../../media/demux/media-packet.ts'
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

/** Codecs that Enhanced RTMP names by a FourCC. */
export type EnhancedCodecs = { readonly video: 'hevc' | 'av1' | 'h264'; readonly sound: 'opus' | 'aac' }

/**
 * Encodes a clip of 180 lines at 30 frames per second with key frames every two seconds, and returns it as encoders of
 * Enhanced RTMP v2 send it: ffmpeg writes FLV of that kind from release 6.1 on.
 */
export async function makeEnhancedClip(sec: number, codecs: EnhancedCodecs): Promise<CounterClip> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-enhanced-'))
  try {
    const path = join(dir, 'clip.mp4')
    await runFfmpeg('ffmpeg', [...buildEnhancedArguments(sec, codecs), path], { timeoutMs: PATIENCE_MS })
    const demuxed = demuxSegment({ bytes: await readFile(path), map: null }, null)
    if (demuxed.kind === 'other') throw new Error(demuxed.problem)
    const { picture, sound } = demuxed.media
    const video = toVideoTags(codecs.video, picture.packets)
    const audio = toAudioTags(codecs.sound, sound.packets)
    const tags = [...video, ...audio].toSorted((a, b) => a.timestampMs - b.timestampMs)
    return { tags, frames: picture.packets.length, durationMs: tags.at(-1)?.timestampMs ?? 0 }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const ENCODERS = {
  hevc: [
    'libx265',
    '-preset',
    'ultrafast',
    '-tag:v',
    'hvc1',
    '-x265-params',
    'bframes=2:keyint=60:min-keyint=60:scenecut=0:log-level=1',
  ],
  av1: ['libsvtav1', '-preset', '12', '-svtav1-params', 'keyint=60:scd=0:pred-struct=1'],
  h264: ['libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '60', '-keyint_min', '60', '-sc_threshold', '0'],
  opus: ['libopus', '-ar', '48000'],
  aac: ['aac', '-ar', '44100'],
} as const

function buildEnhancedArguments(sec: number, { video, sound }: EnhancedCodecs): string[] {
  return [
    ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `color=c=gray:s=320x180:r=30,${counterFilters(180)}`],
    ['-f', 'lavfi', '-i', 'sine=440:r=48000', '-t', String(sec), '-pix_fmt', 'yuv420p'],
    ['-c:v', ...ENCODERS[video], '-c:a', ...ENCODERS[sound], '-f', 'mp4', '-strict', '-2'],
    ['-movflags', 'empty_moov+default_base_moof+frag_keyframe'],
  ].flat()
}

const FOUR_CC = { hevc: 'hvc1', av1: 'av01', h264: 'avc1', opus: 'Opus', aac: 'mp4a' } as const
const FRAME_MS = 1000 / 30
const KEY = { yes: 0x90, no: 0xa0 } as const
const SOUND = 0x90
const PACKET = { sequenceStart: 0, codedFrames: 1 } as const

function toVideoTags(codec: EnhancedCodecs['video'], packets: readonly MediaPacket[]): FlvTag[] {
  const fourCc = Buffer.from(FOUR_CC[codec])
  const configuration = packets[0]?.format.matroska?.configuration ?? Buffer.alloc(0)
  const start = Buffer.concat([Buffer.from([KEY.yes | PACKET.sequenceStart]), fourCc, configuration])
  const firstMs = Math.min(...packets.map(({ sec }) => sec * 1000))
  // Frames are presented two frames later, so that none is presented before it is decoded.
  const delayMs = codec === 'av1' ? 0 : 2 * FRAME_MS
  const frames = packets.map(({ sec, isKey, bytes }, i) => {
    const decodedMs = Math.round(i * FRAME_MS)
    const time = Buffer.alloc(codec === 'av1' ? 0 : 3)
    if (time.length > 0) time.writeIntBE(Math.round(sec * 1000 - firstMs + delayMs) - decodedMs, 0, 3)
    const head = Buffer.from([(isKey ? KEY.yes : KEY.no) | PACKET.codedFrames])
    return { type: TAG_TYPE.video, timestampMs: decodedMs, body: Buffer.concat([head, fourCc, time, bytes]) }
  })
  return [{ type: TAG_TYPE.video, timestampMs: 0, body: start }, ...frames]
}

function toAudioTags(codec: EnhancedCodecs['sound'], packets: readonly MediaPacket[]): FlvTag[] {
  const fourCc = Buffer.from(FOUR_CC[codec])
  const configuration = packets[0]?.format.matroska?.configuration ?? Buffer.alloc(0)
  const compose = (packet: number, bytes: Buffer) => Buffer.concat([Buffer.from([SOUND | packet]), fourCc, bytes])
  const frames = packets.map(({ sec, bytes }) => ({
    type: TAG_TYPE.audio,
    timestampMs: Math.max(0, Math.round(sec * 1000)),
    body: compose(PACKET.codedFrames, bytes),
  }))
  return [{ type: TAG_TYPE.audio, timestampMs: 0, body: compose(PACKET.sequenceStart, configuration) }, ...frames]
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
