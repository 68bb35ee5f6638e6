import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { encodeSet } from '../manifests/testing/encoded-sets.ts'
import { readHlsListing } from './hls-listing.ts'
import { copyOutput, editFile, findingsOf, finishOutput, type FinishedOutput, validate } from './testing/outputs.ts'

let good: FinishedOutput
/** A set with one rendition. */
let small: FinishedOutput
let cmaf: FinishedOutput
beforeAll(async () => {
  const options = { heights: [180, 90], hasAudio: true, durationSec: 3.4 }
  good = await finishOutput(await encodeSet({ container: 'hls', ...options }))
  small = await finishOutput(await encodeSet({ container: 'hls', ...options, heights: [180], durationSec: 1 }))
  cmaf = await finishOutput(await encodeSet({ container: 'cmaf', ...options, heights: [180] }))
})
afterAll(async () => {
  await good[Symbol.asyncDispose]()
  await small[Symbol.asyncDispose]()
  await cmaf[Symbol.asyncDispose]()
})

const MASTER = 'master.m3u8'
const SYNTAX = 'HLS_PLAYLIST_SYNTAX_ERROR'

/** Returns the findings of reading the playlists after an edit of one of them. */
async function readEdited(
  { set }: FinishedOutput,
  name: string,
  [from, to]: readonly [RegExp, string],
): Promise<string[]> {
  const readText = async (one: string) => {
    const text = await readFile(join(set.dir, one), 'utf8').catch(() => null)
    return one === name ? (text?.replace(from, to) ?? null) : text
  }
  const { findings } = await readHlsListing((await readText(MASTER)) ?? '', MASTER, readText)
  return [...new Set(findings.map(({ severity, code, file }) => `${severity} ${code} ${file}`))]
}

/** Returns the findings at depth `basic` after an edit of a playlist. */
async function edited(output: FinishedOutput, name: string, [from, to]: readonly [RegExp, string]) {
  await using broken = await copyOutput(output)
  await editFile(broken, name, (text) => text.replace(from, to))
  return await findingsOf(broken, { hlsDepth: 'basic' })
}

describe('an HLS ladder', () => {
  it.each(['basic', 'medium', 'full'] as const)('that is valid has no findings at depth %s', async (hlsDepth) => {
    expect(await findingsOf(good, { hlsDepth })).toEqual([])
    expect(await findingsOf(cmaf, { hlsDepth })).toEqual([])
  })

  it('that is valid passes a full decode', async () => {
    expect(await findingsOf(good, { level: 'minimal' })).toEqual([])
    expect(await findingsOf(good, { level: 'minimal', decodeTest: true })).toEqual([])
    expect(await findingsOf(good, { level: 'strict' })).toEqual([])
    expect(await findingsOf(cmaf, { level: 'strict' })).toEqual([])
  })

  it('with audio only, without audio, or at 30000/1001 fps is valid', async () => {
    const fps = { num: 30_000, den: 1001 }
    const odd = { heights: [90], hasAudio: false, durationSec: 2.3, fps }
    for (const options of [{ heights: [], hasAudio: true, durationSec: 3.4 }, odd]) {
      await using output = await finishOutput(await encodeSet({ container: 'hls', ...options }))
      expect(await findingsOf(output, { level: 'strict' })).toEqual([])
    }
  })
})

describe('a playlist', () => {
  it.each<[string, readonly [RegExp, string]]>([
    ['does not begin with #EXTM3U', [/^#EXTM3U\n/, '\n#EXTM3U\n']],
    ['has no version', [/#EXT-X-VERSION:3\n/, '']],
    ['has a version too old for its tags', [/#EXT-X-VERSION:3/, '#EXT-X-VERSION:2']],
    ['has no target duration', [/#EXT-X-TARGETDURATION:1\n/, '']],
    ['has a segment longer than the target duration', [/#EXT-X-TARGETDURATION:1/, '#EXT-X-TARGETDURATION:0']],
    ['does not end', [/#EXT-X-ENDLIST\n/, '']],
    ['has a segment without a duration', [/#EXTINF:1\.0+,\nsegment_1_001/, 'segment_1_001']],
    ['has a duration that is not a number', [/#EXTINF:1\.0+,/, '#EXTINF:one,']],
    ['is not a playlist', [/^[^]*$/, '<html>']],
  ])('that %s is an error', async (_, change) => {
    expect(await readEdited(good, 'stream_1.m3u8', change)).toEqual([`error ${SYNTAX} stream_1.m3u8`])
  })

  it('with a syntax error makes the output invalid', async () => {
    const found = await edited(good, 'stream_1.m3u8', [/#EXT-X-TARGETDURATION:1/, '#EXT-X-TARGETDURATION:0'])
    expect(found).toEqual([`E ${SYNTAX} stream_1.m3u8`])
  })

  it('with an initialization segment and a version below 6 is an error', async () => {
    const found = await readEdited(cmaf, 'stream_0.m3u8', [/#EXT-X-VERSION:6/, '#EXT-X-VERSION:5'])
    expect(found).toEqual([`error ${SYNTAX} stream_0.m3u8`])
  })

  it('with two initialization segments is an error', async () => {
    const change = [/chunk_0_1.m4s\n/, 'chunk_0_1.m4s\n#EXT-X-MAP:URI="init_1.m4s"\n'] as const
    expect(await readEdited(cmaf, 'stream_0.m3u8', change)).toEqual([`error ${SYNTAX} stream_0.m3u8`])
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
    ['declares no bandwidth', [/:BANDWIDTH=\d+,/, ':']],
    ['declares a bandwidth below the peak', [/:BANDWIDTH=\d/, ':BANDWIDTH=']],
    ['declares a bandwidth far above the peak', [/:BANDWIDTH=(\d+)/, ':BANDWIDTH=1$1']],
    ['declares a wrong average', [/AVERAGE-BANDWIDTH=\d/, 'AVERAGE-BANDWIDTH=']],
    ['declares no resolution', [/,RESOLUTION=320x180/, '']],
    ['declares a wrong resolution', [/320x180/, '320x240']],
    ['declares no codecs', [/CODECS="[^"]*",/, '']],
    ['declares codecs of another profile', [/avc1\.[0-9a-f]{4}/, 'avc1.6e00']],
    ['declares codecs of another level', [/(avc1\.[0-9a-f]{4})[0-9a-f]{2}/, '$1ff']],
    ['declares no audio codec', [/,mp4a\.40\.2/, '']],
    ['declares no video codec', [/avc1\.[0-9a-f]{6},/, '']],
    ['declares a wrong frame rate', [/FRAME-RATE=25/, 'FRAME-RATE=50']],
    ['declares no frame rate', [/,FRAME-RATE=25\.000/, '']],
  ])('that %s is an error', async (_, change) => {
    expect(await edited(small, MASTER, change)).toEqual([`E ${SYNTAX} ${MASTER}`])
  })

  it.each<[string, readonly [RegExp, string]]>([
    ['does not begin with #EXTM3U', [/^#EXTM3U/, '#EXTM3U8']],
    ['has no version', [/#EXT-X-VERSION:3\n/, '']],
    ['refers to an audio group that is not defined', [/:BANDWIDTH/, ':AUDIO="sound",BANDWIDTH']],
    ['refers to a playlist that does not exist', [/stream_1/, 'stream_2']],
    ['refers to a playlist of another site', [/stream_1/, 'https://elsewhere.example/stream_1']],
    ['is a media playlist', [/^[^]*$/, '#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nsegment_0_000.ts\n']],
    ['is not a playlist', [/^[^]*$/, '{}']],
  ])('that %s is an error', async (_, change) => {
    expect(await readEdited(good, MASTER, change)).toEqual([`error ${SYNTAX} ${MASTER}`])
  })

  it('that omits a rendition is an error', async () => {
    expect(await edited(good, MASTER, [/#EXT-X-STREAM-INF[^\n]*\nstream_1\.m3u8\n/, ''])).toEqual([
      `E ${SYNTAX} ${MASTER}`,
    ])
    expect(await edited(cmaf, MASTER, [/#EXT-X-MEDIA[^\n]*\n/, ''])).toContain(`E ${SYNTAX} ${MASTER}`)
  })

  it('must include the audio rendition in the bandwidth of a variant', async () => {
    await using broken = await copyOutput(cmaf)
    await editFile(broken, MASTER, (text) =>
      text.replace(/:BANDWIDTH=(\d+)/, (_, said) => `:BANDWIDTH=${said - 60_000}`),
    )
    expect(await findingsOf(broken)).toEqual([`E ${SYNTAX} ${MASTER}`])
  })

  it('that ffprobe cannot open is an error at level minimal too', async () => {
    await using broken = await copyOutput(good)
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
  ])('%s that is missing is an error', async (name, code) => {
    await using broken = await copyOutput(good)
    await rm(join(broken.set.dir, name))
    expect(await findingsOf(broken, { level: 'minimal' })).toEqual([`E FILE_NOT_FOUND ${name}`])
    expect(await findingsOf(broken)).toContain(`E ${code} ${name}`)
  })

  it('that is empty is an error', async () => {
    await using broken = await copyOutput(good)
    await truncate(join(broken.set.dir, 'segment_0_001.ts'), 0)
    expect(await findingsOf(broken, { level: 'minimal' })).toEqual(['E FILE_EMPTY segment_0_001.ts'])
    expect(await findingsOf(broken)).toEqual(['E HLS_SEGMENT_MISSING segment_0_001.ts'])
  })

  it('that no playlist lists is an error', async () => {
    const found = await edited(good, 'stream_0.m3u8', [/#EXTINF[^\n]*\nsegment_0_003\.ts\n/, ''])
    expect(found).toEqual(['E HLS_SEGMENT_MISSING segment_0_003.ts', 'E HLS_SEGMENT_MISSING stream_1.m3u8'])
  })
})

describe('durations in playlists', () => {
  it('add up to the planned duration', async () => {
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

it('a report has at most twenty errors, with texts cut to its limits', async () => {
  await using broken = await copyOutput(good)
  const segments = Array.from({ length: 40 }, (_, i) => `#EXTINF:1.0,\n${'x'.repeat(800)}\u0007${i}.ts\n`).join('')
  await editFile(broken, 'stream_0.m3u8', (text) => text.replace('#EXT-X-ENDLIST', `${segments}#EXT-X-ENDLIST`))
  const { errors, is_valid } = await validate(broken)
  expect(is_valid).toBe(false)
  expect(errors).toHaveLength(20)
  expect(errors.every(({ file, message }) => (file?.length ?? 0) <= 200 && message.length <= 500)).toBe(true)
  expect(JSON.stringify(errors)).not.toContain(String.raw`\u0007`)
})
