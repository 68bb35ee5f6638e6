import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import { probeMedia } from '../../media/ffprobe.ts'
import type { ProbedMedia } from '../../media/probed-media.ts'
import { makeSourceMedia, type SourceMediaKind } from '../../../shared/testing/source-media.ts'
import { concatenateFiles, type MediaFacts, inspectMedia } from '../../testing/media-facts.ts'
import { SEED_PRESETS } from '../../testing/seed-presets.ts'
import { planOutput } from '../plan/plan-output.ts'
import { encode } from './encode.ts'

/** Applies each kind of preset to every unusual input, and checks the output with ffprobe and a full decode. */

const signal = new AbortController().signal

/** An input and its expected output; `null` for a track that the input lacks. */
type Expected = {
  readonly kind: SourceMediaKind
  readonly size?: string
  readonly video: { readonly size: readonly [number, number]; readonly fps: string; readonly frames: number } | null
  readonly audio: { readonly channels: number; readonly rate: string } | null
}

const SEC = 0.6
const LANDSCAPE = { size: [160, 90], fps: '30/1', frames: 18 } as const
const PORTRAIT = { ...LANDSCAPE, size: [90, 160] } as const
const STEREO = { channels: 2, rate: '48000' }

const INPUTS: Record<string, Expected> = {
  'without audio': { kind: 'no-sound', video: LANDSCAPE, audio: null },
  'without video': { kind: 'no-picture', video: null, audio: STEREO },
  'of music with a cover': { kind: 'cover', video: null, audio: STEREO },
  'that is rotated': { kind: 'rotated', video: PORTRAIT, audio: STEREO },
  'with odd sides': { kind: 'odd', video: LANDSCAPE, audio: STEREO },
  'in portrait format': { kind: 'plain', size: '90x160', video: PORTRAIT, audio: STEREO },
  'with non-square pixels': { kind: 'anamorphic', size: '120x90', video: LANDSCAPE, audio: STEREO },
  'that is interlaced': {
    kind: 'interlaced',
    size: '160x96',
    video: { size: [160, 96], fps: '25/1', frames: 15 },
    audio: STEREO,
  },
  'of 10 bits': { kind: 'ten-bit', video: LANDSCAPE, audio: STEREO },
  'in HDR': { kind: 'hdr', video: LANDSCAPE, audio: STEREO },
  'with a variable frame rate': {
    kind: 'variable-rate',
    video: { ...LANDSCAPE, fps: '60/1', frames: 34 },
    audio: STEREO,
  },
  'in mono': { kind: 'mono', video: LANDSCAPE, audio: { ...STEREO, channels: 1 } },
  'with 5.1 audio': { kind: 'surround', video: LANDSCAPE, audio: STEREO },
  'with audio at 44.1 kHz': { kind: '44100', video: LANDSCAPE, audio: { ...STEREO, rate: '44100' } },
}

const CODECS = {
  h264: { codec_name: 'h264' },
  h265: { codec_name: 'hevc', codec_tag_string: 'hvc1' },
  av1: { codec_name: 'av1' },
}
/**
 * One preset of each container, codec and set of tracks. The inputs are so small that every ladder becomes one rendition:
 * more presets of a kind would repeat the same encode.
 */
const ONE_PER_KIND = new Map(
  Object.entries(SEED_PRESETS).map(([name, { container, video, audio }]) => [
    [container, video?.codec, audio?.codec].join(),
    name,
  ]),
)
/** The inputs that meet every kind. The filters of the others do not depend on codec and container: two kinds are enough. */
const WITH_EVERY_KIND = ['without audio', 'without video', 'that is rotated', 'in HDR']
const PLAIN_KINDS = ['mp4', 'dash']

/** Samples in an AAC frame. */
const AAC_SAMPLES = 1024

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallylight-matrix-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

describe.each(Object.entries(INPUTS))('an input %s', (input, expected) => {
  const presets = Object.entries(SEED_PRESETS).map(([name, preset]) => {
    return { name, preset, video: preset.video && expected.video, audio: preset.audio && expected.audio }
  })
  let path: string
  let probe: ProbedMedia
  beforeAll(async () => {
    path = await makeSourceMedia(root, expected.kind, { size: expected.size ?? '160x90', sec: SEC })
    const probed = await probeMedia('ffprobe', path, { timeoutMs: PATIENCE_MS, signal })
    if (probed.kind !== 'ok') throw new Error(probed.reason)
    probe = probed.probe
  })

  test('is rejected only with a preset that has no track in common with it', () => {
    const rejected = presets.filter(({ video, audio }) => video === null && audio === null)
    const problems = presets.filter(({ preset }) => planOutput(probe, preset, null).kind === 'problem')
    expect(problems.map(({ name }) => name)).toEqual(rejected.map(({ name }) => name))
  })

  const accepted = presets
    .filter(({ name }) => [...ONE_PER_KIND.values()].includes(name))
    .filter(({ preset }) => WITH_EVERY_KIND.includes(input) || isPlain(preset))
    .filter(({ video, audio }) => video !== null || audio !== null)
  test.each(accepted)('becomes a valid output of $name', async ({ name, preset, video, audio }) => {
    const planned = planOutput(probe, preset, null)
    if (planned.kind !== 'planned') throw new Error(planned.failure.message)
    const dir = await mkdtemp(join(root, `${name}-`))
    const run = { ffmpegPath: 'ffmpeg', dir, signal, timeoutMs: PATIENCE_MS, maxOutputBytes: 1e9, onProgress: () => {} }
    expect(await encode(path, planned.plan, run)).toEqual({ kind: 'done' })

    const tracks = ['0', ...(video !== null && audio !== null ? ['1'] : [])]
    expect((await readdir(dir)).toSorted()).toEqual(fileNames(preset, tracks, video !== null))
    const output = await readOutput(dir, preset, tracks)
    expect(output.errors).toBe('')
    expect(videoFacts(output)).toEqual(video && videoFacts({ video: expectedVideo(video, preset) }))
    expect(audioFacts(output)).toEqual(audio && { codec_name: 'aac', ...audio, isLongEnough: true })
    const starts = [output.video, output.audio].flatMap((track) =>
      track === undefined ? [] : [Number(track['start_time'])],
    )
    expect(Math.max(...starts) - Math.min(...starts)).toBeLessThan(0.1)
  })
})

/** Reports whether a preset has picture in H.264 and sound, in one of the plain kinds. */
function isPlain({ container, video, audio }: Preset): boolean {
  return PLAIN_KINDS.includes(container) && video?.codec === 'h264' && audio !== null
}

/** Returns the expected video stream, in ffprobe's terms. */
function expectedVideo({ size: [width, height], fps, frames }: NonNullable<Expected['video']>, { video }: Preset) {
  const codec = CODECS[video?.codec ?? 'h264']
  const size = { width, height, sample_aspect_ratio: '1:1' }
  return { ...codec, ...size, avg_frame_rate: fps, nb_read_frames: String(frames), pix_fmt: 'yuv420p' }
}

function videoFacts({ video }: Pick<MediaFacts, 'video'>) {
  if (video === undefined) return null
  const { codec_name, codec_tag_string, width, height, avg_frame_rate, nb_read_frames, field_order, ...rest } = video
  const [aspect, pixels] = [rest['sample_aspect_ratio'], rest['pix_fmt']]
  const tag = codec_name === 'hevc' ? codec_tag_string : null
  const isInterlaced = ['tt', 'bb', 'tb', 'bt'].includes(String(field_order))
  const isHdr = rest['color_transfer'] === 'smpte2084' || rest['color_primaries'] === 'bt2020'
  return { codec_name, tag, width, height, aspect, avg_frame_rate, nb_read_frames, pixels, isInterlaced, isHdr }
}

function audioFacts({ audio }: MediaFacts) {
  if (audio === undefined) return null
  const { codec_name, channels, sample_rate: rate } = audio
  const sec = (Number(audio['nb_read_frames']) * AAC_SAMPLES) / Number(rate)
  return { codec_name, channels, rate, isLongEnough: Math.abs(sec - SEC) < 0.1 }
}

/** Returns the names of the files of an output with one segment. */
function fileNames({ container }: Preset, tracks: readonly string[], hasVideo: boolean): string[] {
  if (container === 'mp4') return [hasVideo ? 'output.mp4' : 'output.m4a']
  if (container === 'hls') return ['segment_0_000.ts', 'stream_0.m3u8']
  return [...tracks.map((n) => `chunk_${n}_1.m4s`), ...tracks.map((n) => `init_${n}.m4s`), 'manifest.mpd']
}

async function readOutput(dir: string, { container }: Preset, tracks: readonly string[]): Promise<MediaFacts> {
  const [first = ''] = (await readdir(dir)).toSorted().filter((name) => /\.(?:mp4|m4a|ts)$/.test(name))
  if (container === 'mp4' || container === 'hls') return inspectMedia(join(dir, first))
  const facts = await Promise.all(
    tracks.map(async (n) =>
      inspectMedia(await concatenateFiles(dir, [`init_${n}.m4s`, `chunk_${n}_1.m4s`], join(dir, `${n}.mp4`))),
    ),
  )
  return {
    video: facts.find(({ video }) => video !== undefined)?.video,
    audio: facts.find(({ audio }) => audio !== undefined)?.audio,
    errors: facts.map(({ errors }) => errors).join(''),
  }
}
