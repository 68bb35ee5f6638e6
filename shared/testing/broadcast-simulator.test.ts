import { readFile } from 'node:fs/promises'

import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { makeClip, type Clip } from './clips.ts'
import { startBroadcastSimulator, type BroadcastFault } from './broadcast-simulator.ts'
import { WAIT } from './until.ts'

const small = { segmentSec: 0.5, fps: 10, size: '64x36', container: 'ts' } as const
let clip: Clip

beforeAll(async () => {
  clip = await makeClip([{ sec: 4 }], small)
})
afterAll(() => clip[Symbol.asyncDispose]())

test('the window slides in real time from the first playlist request on, and ends with ENDLIST', async () => {
  await using simulator = await startBroadcastSimulator(clip, { windowSegments: 3, leadSegments: 2 })
  expect(() => simulator.startedAtMs()).toThrow('first request')

  expect(parseWindow(await fetchText(simulator.url))).toEqual({
    sequence: 0,
    names: ['00000.ts', '00001.ts'],
    ended: false,
  })
  await until(simulator.url, (playlist) => playlist.ended)
  const elapsedSec = (Date.now() - simulator.startedAtMs()) / 1000
  expect(parseWindow(await fetchText(simulator.url))).toEqual({
    sequence: 5,
    names: ['00005.ts', '00006.ts', '00007.ts'],
    ended: true,
  })
  expect(elapsedSec).toBeGreaterThan(2.9)
  expect(elapsedSec).toBeLessThan(3.8)
})

test('program date-times are the wall-clock times at which the media is published', async () => {
  await using simulator = await startBroadcastSimulator(clip)
  const [first] = /(?<=PROGRAM-DATE-TIME:).*/.exec(await fetchText(simulator.url)) ?? []
  expect(Date.parse(first ?? '')).toBe(simulator.wallOf(0))
  expect(simulator.wallOf(1.5)).toBe(simulator.startedAtMs())
})

test('segments are served unchanged, and a segment that is fetched twice is one distinct segment', async () => {
  await using simulator = await startBroadcastSimulator(clip)
  await fetchText(simulator.masterUrl)
  const url = new URL('live/00001.ts', simulator.url)
  await fetchText(url)
  const body = Buffer.from(await (await fetch(url)).arrayBuffer())
  expect(body.equals(await readFile(clip.segments[1]?.path ?? ''))).toBe(true)
  expect(simulator.counts()).toEqual({ master: 1, playlist: 0, segment: 2, distinctSegments: 1 })
  expect((await fetch(new URL('live/../../etc/passwd', simulator.url))).status).toBe(404)
})

test('program date-times and the media sequence can be omitted', async () => {
  await using simulator = await startBroadcastSimulator(clip, { programDateTime: false, mediaSequence: false })
  const playlist = await fetchText(simulator.url)
  expect(playlist).not.toContain('PROGRAM-DATE-TIME')
  expect(playlist).not.toContain('MEDIA-SEQUENCE')
})

test('a stalled stream publishes nothing until it resumes, and then continues where it stopped', async () => {
  await using simulator = await startBroadcastSimulator(clip, { leadSegments: 2 })
  await fetchText(simulator.url)
  simulator.stall()
  const before = simulator.wallOf(3)
  await vi.waitFor(() => expect(Date.now() - simulator.startedAtMs()).toBeGreaterThan(700), WAIT)
  expect(parseWindow(await fetchText(simulator.url)).names).toHaveLength(2)
  simulator.resume()
  expect(simulator.wallOf(3) - before).toBeGreaterThan(600)
  expect(simulator.wallOf(0.5)).toBe(simulator.startedAtMs() - 500)
  await until(simulator.url, (playlist) => playlist.names.length === 3)
})

test('an ended stream has ENDLIST after the published segments', async () => {
  await using simulator = await startBroadcastSimulator(clip, { leadSegments: 2 })
  await fetchText(simulator.url)
  simulator.end()
  expect(parseWindow(await fetchText(simulator.url))).toMatchObject({ names: ['00000.ts', '00001.ts'], ended: true })
})

test('an encoder that restarts begins its window and its sequence again, after a discontinuity', async () => {
  await using simulator = await startBroadcastSimulator(clip, { leadSegments: 3 })
  await fetchText(simulator.url)
  simulator.restartSequence()
  const playlist = await until(simulator.url, ({ names }) => names[0] === '00003.ts')
  expect(playlist.sequence).toBe(0)
  expect(await fetchText(simulator.url)).toMatch(/DISCONTINUITY\n#EXT-X-PROGRAM.*\n#EXTINF.*\nlive\/00003/)
})

test('the playlists list the initialization segment of an fMP4 clip and an audio rendition', async () => {
  await using picture = await makeClip([{ sec: 2 }], { ...small, container: 'fmp4', withAudio: false })
  await using sound = await makeClip([{ sec: 2 }], { ...small, withVideo: false })
  await using simulator = await startBroadcastSimulator(picture, { sound })
  expect(await fetchText(simulator.masterUrl)).toMatch(/TYPE=AUDIO.*URI="sound.m3u8"/)
  expect(await fetchText(simulator.url)).toContain('#EXT-X-MAP:URI="live/init.mp4"')
  const init = await (await fetch(new URL('live/init.mp4', simulator.url))).arrayBuffer()
  expect(Buffer.from(init).equals(await readFile(picture.initPath ?? ''))).toBe(true)
  expect(await fetchText(new URL('sound.m3u8', simulator.url))).toContain('sound/00000.ts')
})

test('a fault affects its target only, until it is removed', async () => {
  await using simulator = await startBroadcastSimulator(clip, { windowSegments: 2, leadSegments: 5 })
  const healthy = await fetchText(simulator.url)
  const answers: Record<string, unknown> = {}
  for (const fault of [403, 'html', 'empty', 'truncated', 'backwards'] satisfies BroadcastFault[]) {
    simulator.fault('playlist', fault)
    const response = await fetch(simulator.url)
    answers[fault] = [response.status, (await response.text()).slice(0, 15)]
  }
  expect(answers).toEqual({
    403: [403, ''],
    html: [200, '<!doctype html>'],
    empty: [200, ''],
    truncated: [200, healthy.slice(0, 15)],
    backwards: [200, healthy.slice(0, 15)],
  })
  expect(parseWindow(await fetchText(simulator.url)).sequence).toBeLessThan(parseWindow(healthy).sequence)
  expect((await fetch(simulator.masterUrl)).status).toBe(200)
  simulator.fault('playlist', null)
  expect(parseWindow(await fetchText(simulator.url)).sequence).toBeGreaterThanOrEqual(parseWindow(healthy).sequence)
})

test('a segment response can be cut, withheld, slow, reset or endless', async () => {
  await using simulator = await startBroadcastSimulator(clip)
  const url = new URL('live/00000.ts', simulator.url)
  simulator.fault('segment', 'cut')
  await expect(fetchText(url)).rejects.toThrow('terminated')
  simulator.fault('segment', 'reset')
  await expect(fetchText(url)).rejects.toThrow('fetch failed')
  for (const fault of ['hang', 'drip'] as const) {
    simulator.fault('segment', fault)
    await expect(fetchText(url, AbortSignal.timeout(150))).rejects.toThrow('timeout')
  }
  simulator.fault('segment', 'huge')
  let bytes = 0
  for await (const chunk of (await fetch(url)).body ?? []) {
    bytes += chunk.length
    if (bytes > 12 * 2 ** 20) break
  }
  expect(bytes).toBeGreaterThan(12 * 2 ** 20)
})

async function fetchText(url: string | URL, signal: AbortSignal = AbortSignal.timeout(5000)): Promise<string> {
  return (await fetch(url, { signal })).text()
}

type PlaylistWindow = { readonly sequence: number; readonly names: readonly string[]; readonly ended: boolean }

function parseWindow(playlist: string): PlaylistWindow {
  return {
    sequence: Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]),
    names: playlist.match(/(?<=live\/).*/g) ?? [],
    ended: playlist.includes('ENDLIST'),
  }
}

function until(url: string, wanted: (playlist: PlaylistWindow) => boolean): Promise<PlaylistWindow> {
  return vi.waitFor(async () => {
    const playlist = parseWindow(await fetchText(url))
    expect(wanted(playlist)).toBe(true)
    return playlist
  }, WAIT)
}
