import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { makeSet } from '../manifests/testing/made-sets.ts'
import { readHlsListings } from './hls-listings.ts'
import { copyOf, edit, findingsOf, finished, type MadeOutput, validate } from './testing/made-outputs.ts'

let good: MadeOutput
/** One size of the same. */
let small: MadeOutput
let cmaf: MadeOutput
beforeAll(async () => {
  const options = { heights: [180, 90], hasAudio: true, durationSec: 3.4 }
  good = await finished(await makeSet({ container: 'hls', ...options }))
  small = await finished(await makeSet({ container: 'hls', ...options, heights: [180], durationSec: 1 }))
  cmaf = await finished(await makeSet({ container: 'cmaf', ...options, heights: [180] }))
})
afterAll(async () => {
  await good[Symbol.asyncDispose]()
  await small[Symbol.asyncDispose]()
  await cmaf[Symbol.asyncDispose]()
})

const MASTER = 'master.m3u8'
const SYNTAX = 'HLS_PLAYLIST_SYNTAX_ERROR'

/** What is found in the playlists alone after a text of one was replaced. */
async function read({ set }: MadeOutput, name: string, [from, to]: readonly [RegExp, string]): Promise<string[]> {
  const readText = async (one: string) => {
    const text = await readFile(join(set.dir, one), 'utf8').catch(() => null)
    return one === name ? (text?.replace(from, to) ?? null) : text
  }
  const { findings } = await readHlsListings((await readText(MASTER)) ?? '', MASTER, readText)
  return [...new Set(findings.map(({ severity, code, file }) => `${severity} ${code} ${file}`))]
}

/** What is found after a text of a playlist was replaced, at the depth that looks at playlists alone. */
async function edited(output: MadeOutput, name: string, [from, to]: readonly [RegExp, string]) {
  await using broken = await copyOf(output)
  await edit(broken, name, (text) => text.replace(from, to))
  return await findingsOf(broken, { hlsDepth: 'basic' })
}

describe('an HLS ladder', () => {
  it.each(['basic', 'medium', 'full'] as const)('that is good has nothing found at depth %s', async (hlsDepth) => {
    expect(await findingsOf(good, { hlsDepth })).toEqual([])
    expect(await findingsOf(cmaf, { hlsDepth })).toEqual([])
  })

  it('that is good is decoded to the end', async () => {
    expect(await findingsOf(good, { level: 'minimal' })).toEqual([])
    expect(await findingsOf(good, { level: 'minimal', decodeTest: true })).toEqual([])
    expect(await findingsOf(good, { level: 'strict' })).toEqual([])
    expect(await findingsOf(cmaf, { level: 'strict' })).toEqual([])
  })

  it('of sound alone, without sound, or of 30000/1001 frames a second is as good', async () => {
    const fps = { num: 30_000, den: 1001 }
    const odd = { heights: [90], hasAudio: false, durationSec: 2.3, fps }
    for (const options of [{ heights: [], hasAudio: true, durationSec: 3.4 }, odd]) {
      await using output = await finished(await makeSet({ container: 'hls', ...options }))
      expect(await findingsOf(output, { level: 'strict' })).toEqual([])
    }
  })
})

describe('a playlist', () => {
  it.each<[string, readonly [RegExp, string]]>([
    ['begins with another line', [/^#EXTM3U\n/, '\n#EXTM3U\n']],
    ['has no version', [/#EXT-X-VERSION:3\n/, '']],
    ['has a version too old for its tags', [/#EXT-X-VERSION:3/, '#EXT-X-VERSION:2']],
    ['has no target duration', [/#EXT-X-TARGETDURATION:1\n/, '']],
    ['has a segment longer than the target duration', [/#EXT-X-TARGETDURATION:1/, '#EXT-X-TARGETDURATION:0']],
    ['does not end', [/#EXT-X-ENDLIST\n/, '']],
    ['has a segment without a length', [/#EXTINF:1\.0+,\nsegment_1_001/, 'segment_1_001']],
    ['has a length that is no number', [/#EXTINF:1\.0+,/, '#EXTINF:one,']],
    ['is something else', [/^[^]*$/, '<html>']],
  ])('that %s is an error', async (_, change) => {
    expect(await read(good, 'stream_1.m3u8', change)).toEqual([`error ${SYNTAX} stream_1.m3u8`])
  })

  it('at fault makes the output invalid', async () => {
    const found = await edited(good, 'stream_1.m3u8', [/#EXT-X-TARGETDURATION:1/, '#EXT-X-TARGETDURATION:0'])
    expect(found).toEqual([`E ${SYNTAX} stream_1.m3u8`])
  })

  it('whose init segment needs a newer version is an error', async () => {
    const found = await read(cmaf, 'stream_0.m3u8', [/#EXT-X-VERSION:6/, '#EXT-X-VERSION:5'])
    expect(found).toEqual([`error ${SYNTAX} stream_0.m3u8`])
  })

  it('that changes its init segment on the way is an error', async () => {
    const change = [/chunk_0_1.m4s\n/, 'chunk_0_1.m4s\n#EXT-X-MAP:URI="init_1.m4s"\n'] as const
    expect(await read(cmaf, 'stream_0.m3u8', change)).toEqual([`error ${SYNTAX} stream_0.m3u8`])
  })

  it.each([
    ['segment_1_002.ts', '../segment_1_002.ts'],
    ['segment_1_002.ts', 'https://elsewhere.example/segment_1_002.ts'],
    ['segment_1_002.ts', 'segment_1_009.ts'],
  ])('that lists another file in place of %s, %s, is an error', async (from, to) => {
    const found = await edited(good, 'stream_1.m3u8', [new RegExp(from), to])
    expect(found).toEqual([`E HLS_SEGMENT_MISSING ${to}`, `E HLS_SEGMENT_MISSING ${from}`])
  })
})

describe('a master playlist', () => {
  it.each<[string, readonly [RegExp, string]]>([
    ['says no bandwidth', [/:BANDWIDTH=\d+,/, ':']],
    ['says a bandwidth below the peak', [/:BANDWIDTH=\d/, ':BANDWIDTH=']],
    ['says a bandwidth far above the peak', [/:BANDWIDTH=(\d+)/, ':BANDWIDTH=1$1']],
    ['says another average', [/AVERAGE-BANDWIDTH=\d/, 'AVERAGE-BANDWIDTH=']],
    ['says no resolution', [/,RESOLUTION=320x180/, '']],
    ['says another resolution', [/320x180/, '320x240']],
    ['says no codecs', [/CODECS="[^"]*",/, '']],
    ['says codecs of another profile', [/avc1\.[0-9a-f]{4}/, 'avc1.6e00']],
    ['says codecs of another level', [/(avc1\.[0-9a-f]{4})[0-9a-f]{2}/, '$1ff']],
    ['says nothing of the sound', [/,mp4a\.40\.2/, '']],
    ['says nothing of the picture', [/avc1\.[0-9a-f]{6},/, '']],
    ['says another frame rate', [/FRAME-RATE=25/, 'FRAME-RATE=50']],
    ['says no frame rate', [/,FRAME-RATE=25\.000/, '']],
  ])('that %s is an error', async (_, change) => {
    expect(await edited(small, MASTER, change)).toEqual([`E ${SYNTAX} ${MASTER}`])
  })

  it.each<[string, readonly [RegExp, string]]>([
    ['begins with another line', [/^#EXTM3U/, '#EXTM3U8']],
    ['has no version', [/#EXT-X-VERSION:3\n/, '']],
    ['has sound in a group that is not there', [/:BANDWIDTH/, ':AUDIO="sound",BANDWIDTH']],
    ['refers to a playlist that is not there', [/stream_1/, 'stream_2']],
    ['leads elsewhere', [/stream_1/, 'https://elsewhere.example/stream_1']],
    ['is a playlist of segments', [/^[^]*$/, '#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nsegment_0_000.ts\n']],
    ['is something else', [/^[^]*$/, '{}']],
  ])('that %s is an error', async (_, change) => {
    expect(await read(good, MASTER, change)).toEqual([`error ${SYNTAX} ${MASTER}`])
  })

  it('that leaves a rendition out is an error', async () => {
    expect(await edited(good, MASTER, [/#EXT-X-STREAM-INF[^\n]*\nstream_1\.m3u8\n/, ''])).toEqual([
      `E ${SYNTAX} ${MASTER}`,
    ])
    expect(await edited(cmaf, MASTER, [/#EXT-X-MEDIA[^\n]*\n/, ''])).toContain(`E ${SYNTAX} ${MASTER}`)
  })

  it('counts the sound that plays along in the bandwidth', async () => {
    await using broken = await copyOf(cmaf)
    await edit(broken, MASTER, (text) => text.replace(/:BANDWIDTH=(\d+)/, (_, said) => `:BANDWIDTH=${said - 60_000}`))
    expect(await findingsOf(broken)).toEqual([`E ${SYNTAX} ${MASTER}`])
  })

  it('that ffprobe cannot open is found at the lowest level too', async () => {
    await using broken = await copyOf(good)
    await writeFile(join(broken.set.dir, MASTER), 'no playlist')
    expect(await findingsOf(broken, { level: 'minimal' })).toEqual([`E FFPROBE_FAILED ${MASTER}`])
    expect(await findingsOf(broken)).toEqual([`E ${SYNTAX} ${MASTER}`])
  })
})

describe('a file of the set', () => {
  it.each([
    ['segment_1_002.ts', 'HLS_SEGMENT_MISSING'],
    ['stream_1.m3u8', 'FILE_NOT_FOUND'],
    ['master.m3u8', 'FILE_NOT_FOUND'],
  ])('%s that is gone is found', async (name, code) => {
    await using broken = await copyOf(good)
    await rm(join(broken.set.dir, name))
    expect(await findingsOf(broken, { level: 'minimal' })).toEqual([`E FILE_NOT_FOUND ${name}`])
    expect(await findingsOf(broken)).toContain(`E ${code} ${name}`)
  })

  it('that is empty is found', async () => {
    await using broken = await copyOf(good)
    await truncate(join(broken.set.dir, 'segment_0_001.ts'), 0)
    expect(await findingsOf(broken, { level: 'minimal' })).toEqual(['E FILE_EMPTY segment_0_001.ts'])
    expect(await findingsOf(broken)).toEqual(['E HLS_SEGMENT_MISSING segment_0_001.ts'])
  })

  it('that no playlist lists is found', async () => {
    const found = await edited(good, 'stream_0.m3u8', [/#EXTINF[^\n]*\nsegment_0_003\.ts\n/, ''])
    expect(found).toEqual(['E HLS_SEGMENT_MISSING segment_0_003.ts', 'E HLS_SEGMENT_MISSING stream_1.m3u8'])
  })
})

describe('lengths that playlists say', () => {
  it('are in all what was planned', async () => {
    const longer = { ...good.plan, durationSec: 5.5 }
    const files = ['stream_0.m3u8', 'stream_1.m3u8'].map((name) => `E HLS_DURATION_MISMATCH ${name}`)
    expect(await findingsOf(good, { plan: longer })).toEqual(files)
    expect(await findingsOf(good, { plan: { ...good.plan, durationSec: 1.3 } })).toEqual(files)
    expect(await findingsOf(good, { plan: { ...good.plan, durationSec: 5.3 } })).toEqual([])
  })

  it('are the same in every rendition', async () => {
    const found = await edited(good, 'stream_1.m3u8', [/#EXTINF:1\.0+,\nsegment_1_001/, '#EXTINF:0.9,\nsegment_1_001'])
    expect(found).toEqual(['E HLS_DURATION_MISMATCH segment_1_001.ts'])
  })
})

it('no more than twenty errors are told, and none is longer than a report may hold', async () => {
  await using broken = await copyOf(good)
  const segments = Array.from({ length: 40 }, (_, i) => `#EXTINF:1.0,\n${'x'.repeat(800)}\u0007${i}.ts\n`).join('')
  await edit(broken, 'stream_0.m3u8', (text) => text.replace('#EXT-X-ENDLIST', `${segments}#EXT-X-ENDLIST`))
  const { errors, is_valid } = await validate(broken)
  expect(is_valid).toBe(false)
  expect(errors).toHaveLength(20)
  expect(errors.every(({ file, message }) => (file?.length ?? 0) <= 200 && message.length <= 500)).toBe(true)
  expect(JSON.stringify(errors)).not.toContain(String.raw`\u0007`)
})
