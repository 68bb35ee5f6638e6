import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parse as parseMpd } from 'mpd-parser'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import type { Preset } from '../../../shared/contract/presets.ts'
import { probe } from '../../platform/ffprobe.ts'
import { runProgram } from '../../platform/run-program.ts'
import { makeSource, type SourceKind } from '../../testing/job-media.ts'
import { encode } from '../encode/encode.ts'
import type { OutputSet } from '../output-plan.ts'
import { planOutput } from '../plan.ts'
import { finishManifests } from './finish-manifests.ts'
import { type Playback, type Player, startPlayer } from './testing/player.ts'

vi.setConfig({ testTimeout: 60_000 })

const signal = new AbortController().signal
const run = { timeoutMs: 60_000, signal }
const DURATION_SEC = 6
/** Sources have 25 frames a second. */
const FRAMES = 150
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

type Container = 'hls' | 'dash' | 'cmaf'

const outputs = new Map<string, Promise<OutputSet>>()

/** What a worker makes of a source with a small preset, once for all tests. */
function outputOf(container: Container, kind: SourceKind, heights = [90]): Promise<OutputSet> {
  const name = `${container}-${kind}`
  const made = outputs.get(name) ?? makeOutput(container, kind, heights)
  outputs.set(name, made)
  return made
}

async function makeOutput(container: Container, kind: SourceKind, heights: readonly number[]): Promise<OutputSet> {
  const source = await makeSource(dir, kind, { sec: DURATION_SEC, fps: '25' })
  const renditions = heights.map((height) => ({ height, crf: null, kbps: height * 2 }))
  const preset: Preset = {
    description: 'a small one',
    container,
    segment_sec: 1,
    video: { codec: 'h264', speed: 'fast', renditions },
    audio: { codec: 'aac', kbps: 64 },
  }
  const probed = await probe('ffprobe', source, run)
  if (probed.kind !== 'ok') throw new Error(probed.reason)
  const planned = planOutput(probed.probe, preset, null)
  if (planned.kind === 'problem') throw new Error(planned.failure.message)
  const out = join(dir, `${container}-${kind}`)
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

/** To the end, at one go, and all of it. */
function expectUnbroken(playback: Playback): void {
  expect(playback).toMatchObject({ errors: [], stalls: 0, jumps: 0 })
  expect(playback.buffered).toHaveLength(1)
  expect(Math.abs(playback.durationSec - DURATION_SEC)).toBeLessThan(0.15)
  expect(Math.abs(playback.endedAtSec - playback.durationSec)).toBeLessThan(0.05)
}

/** A busy machine may have everything loaded before a switch is asked for: then it is played again. */
async function playSwitching(set: Omit<Parameters<Player['play']>[0], 'heights'>): Promise<Playback> {
  for (let tries = 1; ; tries++) {
    const playback = await player.play({ ...set, heights: HEIGHTS })
    expectUnbroken(playback)
    if (tries < 4 && playback.heights.length < SIZES_SEEN.length) continue
    expect(playback.heights).toEqual(SIZES_SEEN)
    return playback
  }
}

describe('a browser plays to the end, without an error, a hole or a stall, and switches sizes on the way', () => {
  it('an HLS ladder', async () => {
    const set = await outputOf('hls', 'plain', [180, 90])
    expect(await decodeAll(set, /^stream_\d\.m3u8$/)).toEqual([])
    const playback = await playSwitching({ engine: 'hls.js', ...set })
    expectUnbroken(playback)
    expect(playback.frames).toBe(FRAMES)
    expect(playback.soundBytes).toBeGreaterThan(0)
  })

  it('a DASH ladder', async () => {
    const set = await outputOf('dash', 'plain', [180, 90])
    expect(await decodeAll(set, /\.mpd$/)).toEqual([])
    const playback = await playSwitching({ engine: 'dash.js', ...set })
    expectUnbroken(playback)
    expect(playback.frames).toBe(FRAMES)
    expect(playback.soundBytes).toBeGreaterThan(0)
  })

  it('one CMAF set, as HLS and as DASH', async () => {
    const set = await outputOf('cmaf', 'plain', [180, 90])
    expect(await decodeAll(set, /^stream_\d\.m3u8$|\.mpd$/)).toEqual([])
    for (const [engine, entry] of [
      ['hls.js', 'master.m3u8'],
      ['dash.js', 'manifest.mpd'],
    ] as const) {
      const playback = await playSwitching({ engine, dir: set.dir, entry })
      expectUnbroken(playback)
      expect(playback.frames).toBe(FRAMES)
      expect(playback.soundBytes).toBeGreaterThan(0)
    }
  })
})

describe('a browser plays to the end, without an error, a hole or a stall', () => {
  it.each([
    ['hls', 'hls.js'],
    ['dash', 'dash.js'],
  ] as const)('a picture without sound: %s', async (container, engine) => {
    const set = await outputOf(container, 'no-sound')
    const playback = await player.play({ engine, ...set })
    expectUnbroken(playback)
    expect(playback).toMatchObject({ heights: [90], frames: FRAMES, soundBytes: 0 })
  })

  it.each([
    ['hls', 'hls.js'],
    ['dash', 'dash.js'],
    ['cmaf', 'hls.js'],
  ] as const)('sound without a picture: %s by %s', async (container, engine) => {
    const set = await outputOf(container, 'no-picture')
    const playback = await player.play({ engine, ...set })
    expectUnbroken(playback)
    expect(playback.frames).toBe(0)
    expect(playback.soundBytes).toBeGreaterThan(0)
  })
})

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
