import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { encodeSet } from '../manifests/testing/encoded-sets.ts'
import { readDashListing } from './dash-listing.ts'
import { copyOutput, editFile, findingsOf, finishOutput, type FinishedOutput } from './testing/outputs.ts'

const MANIFEST = 'manifest.mpd'
const SYNTAX = `E HLS_PLAYLIST_SYNTAX_ERROR ${MANIFEST}`

let dash: FinishedOutput
let cmaf: FinishedOutput
beforeAll(async () => {
  dash = await finishOutput(await encodeSet({ container: 'dash', heights: [180], hasAudio: true, durationSec: 3.4 }))
  cmaf = await finishOutput(await encodeSet({ container: 'cmaf', heights: [90], hasAudio: true, durationSec: 2.4 }))
})
afterAll(async () => {
  await dash[Symbol.asyncDispose]()
  await cmaf[Symbol.asyncDispose]()
})

/** Returns the findings at depth `basic` after an edit of the manifest. */
async function edited(output: FinishedOutput, [from, to]: readonly [RegExp, string]): Promise<string[]> {
  await using broken = await copyOutput(output)
  await editFile(broken, MANIFEST, (text) => text.replace(from, to))
  return await findingsOf(broken, { hlsDepth: 'basic' })
}

describe('a DASH set', () => {
  it('that is valid has no findings at any level and depth', async () => {
    for (const level of ['minimal', 'strict'] as const) expect(await findingsOf(dash, { level })).toEqual([])
    for (const hlsDepth of ['basic', 'medium'] as const) expect(await findingsOf(dash, { hlsDepth })).toEqual([])
    expect(await findingsOf(dash, { level: 'minimal', decodeTest: true })).toEqual([])
  })

  it.each([
    { heights: [], hasAudio: true },
    { heights: [180, 90], hasAudio: true },
    { heights: [90], hasAudio: false, fps: { num: 30_000, den: 1001 } },
    { heights: [90], hasAudio: true, codec: 'h265' as const },
    { heights: [90], hasAudio: true, codec: 'av1' as const },
  ])('passes strictly with %o', async (options) => {
    await using output = await finishOutput(await encodeSet({ container: 'cmaf', durationSec: 1.4, ...options }))
    const findings = await findingsOf(output, { level: 'strict' })
    expect(findings.filter((line) => line.startsWith('E '))).toEqual([])
  })
})

describe('a DASH manifest', () => {
  it.each([
    ['is not a manifest', '<html></html>'],
    ['is empty', ''],
    ['has no period', '<MPD type="static"></MPD>'],
    ['is truncated', '<MPD type="static"><Period><AdaptationSet'],
  ])('that %s is an error', async (_, text) => {
    const { findings } = readDashListing(text, MANIFEST)
    expect(findings).toMatchObject([{ severity: 'error', code: 'HLS_PLAYLIST_SYNTAX_ERROR', file: MANIFEST }])
  })

  it('of a live presentation, or with names of another layout, is an error', async () => {
    const text = await readFile(join(dash.set.dir, MANIFEST), 'utf8')
    for (const [from, to] of [
      ['type="static"', 'type="dynamic" availabilityStartTime="2020-01-01T00:00:00Z"'],
      ['initialization="init_', 'initialization="first_'],
    ] as const) {
      const { findings } = readDashListing(text.replace(from, to), MANIFEST)
      expect(findings).toMatchObject([{ code: 'HLS_PLAYLIST_SYNTAX_ERROR', file: MANIFEST }])
    }
  })

  it.each<[string, readonly [RegExp, string]]>([
    ['declares a bandwidth below the peak', [/bandwidth="\d/, 'bandwidth="']],
    ['declares a bandwidth far above the peak', [/bandwidth="(\d+)/, 'bandwidth="1$1']],
    ['declares wrong codecs', [/codecs="avc1\.\w+"/, 'codecs="avc1.6e0029"']],
    ['declares a wrong width', [/ width="320"/, ' width="328"']],
    ['declares a wrong frame rate', [/frameRate="25"/, 'frameRate="30000/1001"']],
    ['omits a rendition', [/<Representation id="1"[^]*?<\/Representation>/, '']],
  ])('that %s is an error', async (_, change) => {
    expect(await edited(dash, change)).toEqual([SYNTAX])
  })

  it('that declares a wrong duration is an error', async () => {
    const change = [/mediaPresentationDuration="[^"]*"/, 'mediaPresentationDuration="PT9S"'] as const
    expect(await edited(dash, change)).toEqual([`E HLS_DURATION_MISMATCH ${MANIFEST}`])
  })

  it('that lists a missing segment, or does not list an existing one, is an error', async () => {
    await using broken = await copyOutput(dash)
    await rm(join(broken.set.dir, 'chunk_0_2.m4s'))
    await rm(join(broken.set.dir, 'init_1.m4s'))
    expect(await findingsOf(broken, { hlsDepth: 'basic' })).toEqual([
      'E HLS_SEGMENT_MISSING chunk_0_2.m4s',
      'E HLS_SEGMENT_MISSING init_1.m4s',
    ])
    expect(await edited(dash, [/startNumber="1"/, 'startNumber="2"'])).toEqual([
      'E HLS_SEGMENT_MISSING chunk_0_5.m4s',
      'E HLS_SEGMENT_MISSING chunk_0_1.m4s',
    ])
  })

  it('that ffprobe cannot open is an error at level minimal too', async () => {
    await using broken = await copyOutput(dash)
    await writeFile(join(broken.set.dir, MANIFEST), 'no manifest')
    expect(await findingsOf(broken, { level: 'minimal' })).toEqual([`E FFPROBE_FAILED ${MANIFEST}`])
  })

  it('whose segment durations differ from those in the playlists is an error', async () => {
    await using broken = await copyOutput(cmaf)
    await editFile(broken, MANIFEST, (text) =>
      text.replace(/(<S t="\d+" d=")(\d+)(" r="1")/, (_, ...parts) => {
        const [before, ticks, after] = parts as [string, string, string]
        return `${before}${Number(ticks) * 1.1}${after}`
      }),
    )
    expect(await findingsOf(broken)).toEqual([
      'E HLS_DURATION_MISMATCH chunk_0_1.m4s',
      'E HLS_DURATION_MISMATCH chunk_0_2.m4s',
    ])
  })

  it('that lists segments in another order than the playlists is an error', async () => {
    await using broken = await copyOutput(cmaf)
    await editFile(broken, 'stream_0.m3u8', (text) =>
      text.replace(/chunk_0_([12])/g, (_, n: string) => `chunk_0_${n === '1' ? 2 : 1}`),
    )
    expect(await findingsOf(broken, { hlsDepth: 'basic' })).toEqual([SYNTAX])
  })

  it('that omits a segment of the playlists is an error', async () => {
    expect(await edited(cmaf, [/(<S t="\d+" d="\d+" r=")1"/, '$10"'])).toContain('E HLS_SEGMENT_MISSING chunk_0_3.m4s')
  })
})
