import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parse as parseMpd } from 'mpd-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import { probeMedia } from '../../media/ffprobe.ts'
import { runProgram } from '../../platform/run-program.ts'
import { makeSourceMedia, type SourceMediaKind } from '../../../shared/testing/source-media.ts'
import { SEED_PRESETS } from '../../testing/seed-presets.ts'
import { encode } from '../encode/encode.ts'
import type { OutputSet } from '../plan/output-plan.ts'
import { planOutput } from '../plan/plan-output.ts'
import { finishManifests } from './finish-manifests.ts'
import { type Playback, type Player, type PlayOptions, startPlayer } from './testing/player.ts'

const signal = new AbortController().signal
const run = { timeoutMs: PATIENCE_MS, signal }
const DURATION_SEC = 6
/** Sources have 25 frames a second. */
const FRAMES = 150
/** A picture of which the ladders make two sizes or more. */
const SEED_SOURCE = { size: '854x480', sec: 2 }
const SEED_FRAMES = 50
/** Of the ladders' segments: from the smallest size up, and down again. */
const HEIGHTS = [90, 90, 180, 180, 90, 90]
const SIZES_SEEN = [90, 180, 90]

let dir: string
let player: Player

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-playback-'))
  player = await startPlayer()
})
afterAll(async () => {
  await player[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

type Container = Exclude<Preset['container'], 'mp4'>

const outputs = new Map<string, Promise<OutputSet>>()

/** What a worker makes of a source with a small preset, once for all tests. */
function outputOf(container: Container, kind: SourceMediaKind, heights = [90]): Promise<OutputSet> {
  const name = `${container}-${kind}`
  const made = outputs.get(name) ?? makeOutput(name, sourceOf(kind), smallPreset(container, heights))
  outputs.set(name, made)
  return made
}

const sources = new Map<string, Promise<string>>()

function sourceOf(kind: SourceMediaKind): Promise<string> {
  const made = sources.get(kind) ?? makeSourceMedia(dir, kind, { sec: DURATION_SEC, fps: '25' })
  sources.set(kind, made)
  return made
}

function smallPreset(container: Container, heights: readonly number[]): Preset {
  const renditions = heights.map((height) => ({ height, crf: null, kbps: height * 2 }))
  return {
    description: 'a small one',
    container,
    segment_sec: 1,
    video: { codec: 'h264', speed: 'fast', renditions },
    audio: { codec: 'aac', kbps: 64 },
  }
}

async function makeOutput(name: string, made: Promise<string>, preset: Preset): Promise<OutputSet> {
  const source = await made
  const probed = await probeMedia('ffprobe', source, run)
  if (probed.kind !== 'ok') throw new Error(probed.reason)
  const planned = planOutput(probed.probe, preset, null)
  if (planned.kind === 'problem') throw new Error(planned.failure.message)
  const out = join(dir, name)
  await mkdir(out)
  const limits = { maxOutputBytes: 100_000_000, onProgress: () => undefined }
  const encoded = await encode(source, planned.plan, { ...run, ...limits, ffmpegPath: 'ffmpeg', dir: out })
  if (encoded.kind !== 'done') throw new Error(JSON.stringify(encoded))
  const finished = await finishManifests({ plan: planned.plan, dir: out, signal })
  if (finished.kind === 'broken') throw new Error(finished.issue.message)
  return finished.set
}

/** Complaints of ffmpeg over a full decode of everything that a playlist or manifest leads to. */
async function decodeAll({ dir: cwd, files }: OutputSet, pattern: RegExp): Promise<string[]> {
  const complaints: string[] = []
  for (const name of files.filter((file) => pattern.test(file))) {
    const input = ['-allowed_extensions', 'ALL', '-i', join(cwd, name)]
    const strict = ['-v', 'error', '-xerror', '-err_detect', 'explode']
    const decodeArgs = [...strict, ...(name.endsWith('.m3u8') ? input : input.slice(2)), '-map', '0', '-f', 'null', '-']
    const result = await runProgram('ffmpeg', decodeArgs, run)
    if (result.kind !== 'exited' || result.code !== 0 || result.stderr !== '')
      complaints.push(`${name}: ${JSON.stringify(result)}`)
  }
  return complaints
}

/** Plays a set to its end, without a hole or a pause for data, and all of it. */
async function play(set: PlayOptions, sec = DURATION_SEC): Promise<Playback> {
  const playback = await player.play(set)
  expect(playback).toMatchObject({ hasEnded: true, errors: [], stalls: 0, jumps: 0 })
  expect(playback.buffered).toEqual([[expect.any(Number), expect.any(Number)]])
  expect(Math.abs(playback.durationSec - sec)).toBeLessThan(0.15)
  expect(Math.abs(playback.endedAtSec - playback.durationSec)).toBeLessThan(0.05)
  return playback
}

describe.concurrent('a browser plays to the end, without an error, a hole or a stall, and switches sizes on the way', () => {
  it.each([
    ['hls', ['hls.js'], /^stream_\d\.m3u8$/],
    ['dash', ['dash.js'], /\.mpd$/],
    ['cmaf', ['hls.js', 'dash.js'], /^stream_\d\.m3u8$|\.mpd$/],
  ] as const)('a ladder: %s by %s', async (container, engines, decoded) => {
    const set = await outputOf(container, 'plain', [180, 90])
    expect(await decodeAll(set, decoded)).toEqual([])
    for (const engine of engines) {
      const entry = engine === 'dash.js' ? 'manifest.mpd' : 'master.m3u8'
      const playback = await play({ engine, dir: set.dir, entry, heights: HEIGHTS })
      expect(playback.heights).toEqual(SIZES_SEEN)
      expect(playback.frames).toBe(FRAMES)
      expect(playback.soundBytes).toBeGreaterThan(0)
    }
  })
})

describe.concurrent('a browser plays to the end, without an error, a hole or a stall', () => {
  it.each([
    ['hls', 'hls.js'],
    ['dash', 'dash.js'],
  ] as const)('a picture without sound: %s', async (container, engine) => {
    const set = await outputOf(container, 'no-sound')
    const playback = await play({ engine, ...set })
    expect(playback).toMatchObject({ heights: [90], frames: FRAMES, soundBytes: 0 })
  })

  it.each([
    ['hls', 'hls.js'],
    ['dash', 'dash.js'],
    ['cmaf', 'hls.js'],
  ] as const)('sound without a picture: %s by %s', async (container, engine) => {
    const set = await outputOf(container, 'no-picture')
    const playback = await play({ engine, ...set })
    expect(playback.frames).toBe(0)
    expect(playback.soundBytes).toBeGreaterThan(0)
  })

  describe('what the preset', () => {
    let source: Promise<string>
    beforeAll(async () => {
      const folder = join(dir, 'seeds')
      await mkdir(folder)
      source = makeSourceMedia(folder, 'plain', { ...SEED_SOURCE, fps: '25' })
    })

    // Debian's Chromium decodes no HEVC.
    const seeds = Object.entries(SEED_PRESETS).filter(([, { video }]) => video?.codec !== 'h265')
    it.each(seeds)('%s gives', async (name, preset) => {
      const set = await makeOutput(name, source, preset)
      const playback = await play({ engine: engineOf(preset), ...set }, SEED_SOURCE.sec)
      expect(playback.frames).toBe(preset.video === null ? 0 : SEED_FRAMES)
      expect(playback.soundBytes > 0).toBe(preset.audio !== null)
    })
  })
})

function engineOf({ container }: Preset) {
  if (container === 'mp4') return 'browser'
  return container === 'dash' ? 'dash.js' : 'hls.js'
}

it('mpd-parser finds every segment of a manifest where it lies', async () => {
  const set = await outputOf('dash', 'plain', [180, 90])
  const text = await readFile(join(set.dir, 'manifest.mpd'), 'utf8')
  const manifest = parseMpd(text, { manifestUri: 'http://localhost/manifest.mpd' }) as ParsedMpd
  const sounds = Object.values(manifest.mediaGroups.AUDIO['audio'] ?? {}).flatMap(({ playlists }) => playlists)
  const listed = [...manifest.playlists, ...sounds].flatMap(({ segments }) =>
    segments.flatMap(({ uri, map }) => [uri, map.uri]),
  )
  expect([...new Set(listed)].toSorted()).toEqual(set.files.filter((name) => name.endsWith('.m4s')).toSorted())
  expect(manifest.playlists.map(({ attributes }) => attributes.RESOLUTION.height)).toEqual([180, 90])
  expect(Math.abs(manifest.duration - DURATION_SEC)).toBeLessThan(0.1)
})

type ParsedPlaylist = {
  readonly attributes: { readonly RESOLUTION: { readonly height: number } }
  readonly segments: readonly { readonly uri: string; readonly map: { readonly uri: string } }[]
}
type ParsedMpd = {
  readonly duration: number
  readonly playlists: readonly ParsedPlaylist[]
  readonly mediaGroups: {
    readonly AUDIO: Record<string, Record<string, { readonly playlists: readonly ParsedPlaylist[] }>>
  }
}
