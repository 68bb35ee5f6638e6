import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { Parser } from 'm3u8-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { OutputSet } from '../plan/output-plan.ts'
import { finishManifests } from './finish-manifests.ts'
import { type EncodedSet, encodeSet } from './testing/encoded-sets.ts'

const signal = new AbortController().signal

/** The used part of m3u8-parser's result. */
type Playlist = {
  readonly playlists?: readonly { readonly uri: string; readonly attributes: Record<string, unknown> }[]
  readonly mediaGroups?: { readonly AUDIO: Record<string, Record<string, unknown>> }
  readonly segments: readonly {
    readonly uri: string
    readonly duration: number
    readonly map?: { readonly uri: string }
  }[]
  readonly targetDuration: number
  readonly endList: boolean
  readonly playlistType: string
  readonly independentSegments: boolean
}

async function finish({ dir, plan }: EncodedSet): Promise<OutputSet> {
  const finished = await finishManifests({ dir, plan, signal })
  if (finished.kind === 'broken') throw new Error(finished.issue.message)
  return finished.set
}

async function playlist(dir: string, name: string): Promise<Playlist> {
  const parser = new Parser()
  parser.push(await readFile(join(dir, name), 'utf8'))
  parser.end()
  return parser.manifest as Playlist
}

/** Returns the peak bit rate by the definition of RFC 8216 §4.1, over every run of segments. */
async function measuredPeak(dir: string, name: string): Promise<number> {
  const { segments, targetDuration } = await playlist(dir, name)
  const sizes = await Promise.all(segments.map(async ({ uri }) => (await stat(join(dir, uri))).size))
  const rates = segments.flatMap((_, from) =>
    segments.slice(from).map((_last, count) => {
      const run = segments.slice(from, from + count + 1)
      const sec = run.reduce((sum, { duration }) => sum + duration, 0)
      const bytes = sizes.slice(from, from + count + 1).reduce((sum, size) => sum + size, 0)
      return sec >= 0.5 * targetDuration && sec <= 1.5 * targetDuration ? (8 * bytes) / sec : 0
    }),
  )
  return Math.max(...rates)
}

describe('an HLS ladder', () => {
  let made: EncodedSet
  let set: OutputSet
  beforeAll(async () => {
    made = await encodeSet({ container: 'hls', heights: [180, 90], hasAudio: true, durationSec: 3.4 })
    set = await finish(made)
  })
  afterAll(() => made[Symbol.asyncDispose]())

  it('declares each variant with measured bit rates, resolution, frame rate and codecs', async () => {
    const master = await playlist(made.dir, 'master.m3u8')
    expect(master.independentSegments).toBe(true)
    expect(master.playlists?.map(({ uri }) => uri)).toEqual(['stream_0.m3u8', 'stream_1.m3u8'])
    for (const { uri, attributes } of master.playlists ?? []) {
      const peak = await measuredPeak(made.dir, uri)
      expect(attributes['BANDWIDTH']).toBe(Math.ceil(peak))
      expect(Number(attributes['AVERAGE-BANDWIDTH'])).toBeLessThanOrEqual(Math.ceil(peak))
      expect(attributes['CODECS']).toMatch(/^avc1\.4d40[0-9a-f]{2},mp4a\.40\.2$/)
      expect(attributes['FRAME-RATE']).toBe(25)
    }
    expect(master.playlists?.map(({ attributes }) => attributes['RESOLUTION'])).toEqual([
      { width: 320, height: 180 },
      { width: 160, height: 90 },
    ])
  })

  it('has complete playlists with the durations of the segments', async () => {
    for (const name of ['stream_0.m3u8', 'stream_1.m3u8']) {
      const { segments, ...rest } = await playlist(made.dir, name)
      expect(rest).toMatchObject({ targetDuration: 1, endList: true, playlistType: 'VOD' })
      expect(segments.map(({ duration }) => duration)).toEqual([1, 1, 1, 0.4])
    }
  })

  it('is in upload order: no file precedes a file that it refers to', async () => {
    const first = [0, 1].flatMap((n) => [0, 1, 2, 3].map((segment) => `segment_${n}_00${segment}.ts`))
    expect(set).toEqual({
      dir: made.dir,
      files: [...first, 'stream_0.m3u8', 'stream_1.m3u8', 'master.m3u8'],
      entry: 'master.m3u8',
    })
  })

  it('does not change when it is finished again', async () => {
    const before = await readFile(join(made.dir, 'master.m3u8'), 'utf8')
    expect(await finish(made)).toEqual(set)
    expect(await readFile(join(made.dir, 'master.m3u8'), 'utf8')).toBe(before)
  })
})

it('a CMAF set has a master playlist and a DASH manifest for the same fragments, and no other files', async () => {
  const fps = { num: 30_000, den: 1001 }
  await using made = await encodeSet({ container: 'cmaf', heights: [180, 90], hasAudio: true, durationSec: 3, fps })
  const set = await finish(made)
  expect([...set.files].toSorted()).toEqual((await readdir(made.dir)).toSorted())
  expect(set.files.slice(-5)).toEqual([
    'stream_0.m3u8',
    'stream_1.m3u8',
    'stream_2.m3u8',
    'manifest.mpd',
    'master.m3u8',
  ])
  expect(set.entry).toBe('master.m3u8')
  const forDash = await finish({ ...made, plan: { ...made.plan, outputType: 'dash' } })
  expect([forDash.entry, forDash.files.at(-1), forDash.files.length]).toEqual([
    'manifest.mpd',
    'manifest.mpd',
    set.files.length,
  ])
  const master = await playlist(made.dir, 'master.m3u8')
  const sound = await measuredPeak(made.dir, 'stream_2.m3u8')
  for (const { uri, attributes } of master.playlists ?? []) {
    expect(attributes['BANDWIDTH']).toBe(Math.ceil(await measuredPeak(made.dir, uri)) + Math.ceil(sound))
    expect(attributes).toMatchObject({ AUDIO: 'sound', 'FRAME-RATE': 29.97 })
    expect((await playlist(made.dir, uri)).segments[0]?.map?.uri).toBe(uri.replace(/stream_(.)\.m3u8/, 'init_$1.m4s'))
  }
  expect(master.mediaGroups?.AUDIO).toMatchObject({ sound: { Sound: { default: true, uri: 'stream_2.m3u8' } } })
  const manifest = await readFile(join(made.dir, 'manifest.mpd'), 'utf8')
  expect(manifest.match(/<AdaptationSet [^>]*contentType="\w+"/g)?.length).toBe(2)
  expect(manifest).toContain('frameRate="30000/1001"')
  expect(manifest).toContain('segmentAlignment="true"')
  expect(manifest).toContain('<S t="0" d="30030" r="2"/>')
})

it('a last chunk of some milliseconds is appended to the previous one', async () => {
  await using made = await encodeSet({ container: 'cmaf', heights: [], hasAudio: true, durationSec: 2 })
  const chunks = (await readdir(made.dir)).filter((name) => name.startsWith('chunk_'))
  expect(chunks).toHaveLength(3)
  const bytes = await Promise.all(chunks.map(async (name) => (await stat(join(made.dir, name))).size))
  const set = await finish(made)
  expect(set.files.slice(0, 3)).toEqual(['init_0.m4s', 'chunk_0_1.m4s', 'chunk_0_2.m4s'])
  const { segments } = await playlist(made.dir, 'stream_0.m3u8')
  expect(segments.reduce((sum, { duration }) => sum + duration, 0)).toBeCloseTo(2, 6)
  const joined = await stat(join(made.dir, 'chunk_0_2.m4s'))
  expect(joined.size).toBe((bytes[1] ?? 0) + (bytes[2] ?? 0))
  const before = await readFile(join(made.dir, 'stream_0.m3u8'), 'utf8')
  expect(await finish(made)).toEqual(set)
  expect(await readFile(join(made.dir, 'stream_0.m3u8'), 'utf8')).toBe(before)
})

it('a DASH set has a manifest and no playlists', async () => {
  await using made = await encodeSet({ container: 'dash', heights: [90], hasAudio: false, durationSec: 2 })
  const set = await finish(made)
  expect(set.files).toEqual(['init_0.m4s', 'chunk_0_1.m4s', 'chunk_0_2.m4s', 'manifest.mpd'])
  expect(set.entry).toBe('manifest.mpd')
  expect(await readFile(join(made.dir, 'manifest.mpd'), 'utf8')).toContain('mediaPresentationDuration="PT2S"')
})

it('an audio-only set has a master playlist without resolution and frame rate', async () => {
  await using made = await encodeSet({ container: 'hls', heights: [], hasAudio: true, durationSec: 2 })
  await finish(made)
  const [only] = (await playlist(made.dir, 'master.m3u8')).playlists ?? []
  expect(only?.attributes).toMatchObject({
    CODECS: 'mp4a.40.2',
    BANDWIDTH: Math.ceil(await measuredPeak(made.dir, 'stream_0.m3u8')),
  })
  expect(only?.attributes).not.toHaveProperty('RESOLUTION')
  expect(only?.attributes).not.toHaveProperty('FRAME-RATE')
})

it('a set without audio declares no audio', async () => {
  await using made = await encodeSet({ container: 'cmaf', heights: [90], hasAudio: false, durationSec: 2 })
  await finish(made)
  const master = await readFile(join(made.dir, 'master.m3u8'), 'utf8')
  expect(master).not.toMatch(/AUDIO|mp4a/)
  expect(await readFile(join(made.dir, 'manifest.mpd'), 'utf8')).not.toContain('audio')
})

it.each([
  ['h264', /^avc1\.4d400b$/],
  ['h265', /^hvc1\.1\.6\.L30(\.[0-9A-F]+)*$/],
  ['av1', /^av01\.0\.00M\.08$/],
] as const)(
  'the codec string of %s follows from its configuration, and agrees with ffmpeg’s',
  async (codec, expected) => {
    await using made = await encodeSet({ container: 'cmaf', heights: [90], hasAudio: false, durationSec: 1, codec })
    const byFfmpeg = /codecs="([^"]*)"/.exec(await readFile(join(made.dir, 'manifest.mpd'), 'utf8'))?.[1]
    await finish(made)
    const [only] = (await playlist(made.dir, 'master.m3u8')).playlists ?? []
    expect(only?.attributes['CODECS']).toMatch(expected)
    // ffmpeg 5.1 writes only the tag of H.265.
    expect(byFfmpeg).toBe(codec === 'h265' ? 'hvc1' : only?.attributes['CODECS'])
  },
)

it('the codec string of h265 in a transport stream follows from its parameter set', async () => {
  await using made = await encodeSet({
    container: 'hls',
    heights: [90],
    hasAudio: false,
    durationSec: 1,
    codec: 'h265',
  })
  await finish(made)
  const [only] = (await playlist(made.dir, 'master.m3u8')).playlists ?? []
  expect(only?.attributes['CODECS']).toMatch(/^hvc1\.1\.6\.L\d+(\.[0-9A-F]+)*$/)
})
