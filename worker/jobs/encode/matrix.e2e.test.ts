import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Preset } from '../../../shared/contract/presets.ts'
import { probe } from '../../platform/ffprobe.ts'
import type { Probe } from '../../platform/probed-media.ts'
import { makeSource, type SourceKind } from '../../testing/job-media.ts'
import { joinFiles, type MediaFacts, mediaFacts } from '../../testing/media-facts.ts'
import { SEED_PRESETS } from '../../testing/seed-presets.ts'
import { planOutput } from '../plan.ts'
import { encode } from './encode.ts'

/** Every preset on every odd source, judged by ffprobe and a full decode of what was written. */

const signal = new AbortController().signal

/** What has to come out; `null` where the source has no such track. */
type Expected = {
  readonly kind: SourceKind
  readonly size?: string
  readonly picture: { readonly size: readonly [number, number]; readonly fps: string; readonly frames: number } | null
  readonly sound: { readonly channels: number; readonly rate: string } | null
}

const SEC = 0.6
const LYING = { size: [160, 90], fps: '30/1', frames: 18 } as const
const UPRIGHT = { ...LYING, size: [90, 160] } as const
const STEREO = { channels: 2, rate: '48000' }

const SOURCES: Record<string, Expected> = {
  'without sound': { kind: 'no-sound', picture: LYING, sound: null },
  'without picture': { kind: 'no-picture', picture: null, sound: STEREO },
  'that is music with a cover': { kind: 'cover', picture: null, sound: STEREO },
  'that is rotated': { kind: 'rotated', picture: UPRIGHT, sound: STEREO },
  'with odd sides': { kind: 'odd', picture: LYING, sound: STEREO },
  'that is upright': { kind: 'plain', size: '90x160', picture: UPRIGHT, sound: STEREO },
  'with oblong pixels': { kind: 'anamorphic', size: '120x90', picture: LYING, sound: STEREO },
  'that is interlaced': {
    kind: 'interlaced',
    size: '160x96',
    picture: { size: [160, 96], fps: '25/1', frames: 15 },
    sound: STEREO,
  },
  'of 10 bits': { kind: 'ten-bit', picture: LYING, sound: STEREO },
  'in HDR': { kind: 'hdr', picture: LYING, sound: STEREO },
  'with a variable frame rate': {
    kind: 'variable-rate',
    picture: { ...LYING, fps: '60/1', frames: 34 },
    sound: STEREO,
  },
  'in mono': { kind: 'mono', picture: LYING, sound: { ...STEREO, channels: 1 } },
  'with 5.1 sound': { kind: 'surround', picture: LYING, sound: STEREO },
  'with sound of 44.1 kHz': { kind: '44100', picture: LYING, sound: { ...STEREO, rate: '44100' } },
}

const CODECS = {
  h264: { codec_name: 'h264' },
  h265: { codec_name: 'hevc', codec_tag_string: 'hvc1' },
  av1: { codec_name: 'av1' },
}
/** AAC has this many samples a frame. */
const AAC_SAMPLES = 1024

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallylight-matrix-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

describe.each(Object.entries(SOURCES))('a source %s', (_, expected) => {
  const presets = Object.entries(SEED_PRESETS).map(([name, preset]) => {
    return { name, preset, picture: preset.video && expected.picture, sound: preset.audio && expected.sound }
  })
  let path: string
  let source: Probe
  beforeAll(async () => {
    path = await makeSource(root, expected.kind, { size: expected.size ?? '160x90', sec: SEC })
    const probed = await probe('ffprobe', path, { timeoutMs: 10_000, signal })
    if (probed.kind !== 'ok') throw new Error(probed.reason)
    source = probed.probe
  })

  test('is refused by the presets that find nothing in it to encode, and by no other', () => {
    const refused = presets.filter(({ picture, sound }) => picture === null && sound === null)
    const problems = presets.filter(({ preset }) => planOutput(source, preset, null).kind === 'problem')
    expect(problems.map(({ name }) => name)).toEqual(refused.map(({ name }) => name))
  })

  const taken = presets.filter(({ picture, sound }) => picture !== null || sound !== null)
  test.each(taken)('becomes a sound output of $name', async ({ name, preset, picture, sound }) => {
    const planned = planOutput(source, preset, null)
    if (planned.kind !== 'planned') throw new Error(planned.failure.message)
    const dir = await mkdtemp(join(root, `${name}-`))
    const run = { ffmpegPath: 'ffmpeg', dir, signal, timeoutMs: 60_000, maxOutputBytes: 1e9, onProgress: () => {} }
    expect(await encode(path, planned.plan, run)).toEqual({ kind: 'done' })

    const tracks = ['0', ...(picture !== null && sound !== null ? ['1'] : [])]
    expect((await readdir(dir)).toSorted()).toEqual(layout(preset, tracks, picture !== null))
    const made = await readOutput(dir, preset, tracks)
    expect(made.complaints).toBe('')
    expect(pictureFacts(made)).toEqual(picture && pictureFacts({ video: expectedVideo(picture, preset) }))
    expect(soundFacts(made)).toEqual(sound && { codec_name: 'aac', ...sound, isLongEnough: true })
    const starts = [made.video, made.audio].flatMap((track) =>
      track === undefined ? [] : [Number(track['start_time'])],
    )
    expect(Math.max(...starts) - Math.min(...starts)).toBeLessThan(0.1)
  })
})

/** What is asked of a picture, in ffprobe's words. */
function expectedVideo({ size: [width, height], fps, frames }: NonNullable<Expected['picture']>, { video }: Preset) {
  const codec = CODECS[video?.codec ?? 'h264']
  const size = { width, height, sample_aspect_ratio: '1:1' }
  return { ...codec, ...size, avg_frame_rate: fps, nb_read_frames: String(frames), pix_fmt: 'yuv420p' }
}

function pictureFacts({ video }: Pick<MediaFacts, 'video'>) {
  if (video === undefined) return null
  const { codec_name, codec_tag_string, width, height, avg_frame_rate, nb_read_frames, field_order, ...rest } = video
  const [aspect, pixels] = [rest['sample_aspect_ratio'], rest['pix_fmt']]
  const tag = codec_name === 'hevc' ? codec_tag_string : null
  const isInterlaced = ['tt', 'bb', 'tb', 'bt'].includes(String(field_order))
  const isHdr = rest['color_transfer'] === 'smpte2084' || rest['color_primaries'] === 'bt2020'
  return { codec_name, tag, width, height, aspect, avg_frame_rate, nb_read_frames, pixels, isInterlaced, isHdr }
}

function soundFacts({ audio }: MediaFacts) {
  if (audio === undefined) return null
  const { codec_name, channels, sample_rate: rate } = audio
  const sec = (Number(audio['nb_read_frames']) * AAC_SAMPLES) / Number(rate)
  return { codec_name, channels, rate, isLongEnough: Math.abs(sec - SEC) < 0.1 }
}

/** The names of a set of one segment. */
function layout({ container }: Preset, tracks: readonly string[], hasPicture: boolean): string[] {
  if (container === 'mp4') return [hasPicture ? 'output.mp4' : 'output.m4a']
  if (container === 'hls') return ['segment_0_000.ts', 'stream_0.m3u8']
  return [...tracks.map((n) => `chunk_${n}_1.m4s`), ...tracks.map((n) => `init_${n}.m4s`), 'manifest.mpd']
}

async function readOutput(dir: string, { container }: Preset, tracks: readonly string[]): Promise<MediaFacts> {
  const [first = ''] = (await readdir(dir)).toSorted().filter((name) => /\.(?:mp4|m4a|ts)$/.test(name))
  if (container === 'mp4' || container === 'hls') return mediaFacts(join(dir, first))
  const facts = await Promise.all(
    tracks.map(async (n) =>
      mediaFacts(await joinFiles(dir, [`init_${n}.m4s`, `chunk_${n}_1.m4s`], join(dir, `${n}.mp4`))),
    ),
  )
  return {
    video: facts.find(({ video }) => video !== undefined)?.video,
    audio: facts.find(({ audio }) => audio !== undefined)?.audio,
    complaints: facts.map(({ complaints }) => complaints).join(''),
  }
}
