import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { makeSet } from '../manifests/testing/made-sets.ts'
import { readDashListings } from './dash-listings.ts'
import { copyOf, edit, findingsOf, finished, type MadeOutput } from './testing/made-outputs.ts'

const MANIFEST = 'manifest.mpd'
const SYNTAX = `E HLS_PLAYLIST_SYNTAX_ERROR ${MANIFEST}`

let dash: MadeOutput
let cmaf: MadeOutput
beforeAll(async () => {
  dash = await finished(await makeSet({ container: 'dash', heights: [180], hasAudio: true, durationSec: 3.4 }))
  cmaf = await finished(await makeSet({ container: 'cmaf', heights: [90], hasAudio: true, durationSec: 2.4 }))
})
afterAll(async () => {
  await dash[Symbol.asyncDispose]()
  await cmaf[Symbol.asyncDispose]()
})

/** What is found after a text of the manifest was replaced. */
async function edited(output: MadeOutput, [from, to]: readonly [RegExp, string]): Promise<string[]> {
  await using broken = await copyOf(output)
  await edit(broken, MANIFEST, (text) => text.replace(from, to))
  return await findingsOf(broken, { hlsDepth: 'basic' })
}

describe('a DASH set', () => {
  it('that is good passes every level and depth without a word', async () => {
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
    await using output = await finished(await makeSet({ container: 'cmaf', durationSec: 1.4, ...options }))
    const findings = await findingsOf(output, { level: 'strict' })
    expect(findings.filter((line) => line.startsWith('E '))).toEqual([])
  })
})

describe('a DASH manifest', () => {
  it.each([
    ['is no manifest', '<html></html>'],
    ['is empty', ''],
    ['has no period', '<MPD type="static"></MPD>'],
    ['breaks off', '<MPD type="static"><Period><AdaptationSet'],
  ])('that %s is an error', async (_, text) => {
    const { findings } = readDashListings(text, MANIFEST)
    expect(findings).toMatchObject([{ severity: 'error', code: 'HLS_PLAYLIST_SYNTAX_ERROR', file: MANIFEST }])
  })

  it('of a broadcast that goes on, or with names of another layout, is an error', async () => {
    const text = await readFile(join(dash.set.dir, MANIFEST), 'utf8')
    for (const [from, to] of [
      ['type="static"', 'type="dynamic" availabilityStartTime="2020-01-01T00:00:00Z"'],
      ['initialization="init_', 'initialization="first_'],
    ] as const) {
      const { findings } = readDashListings(text.replace(from, to), MANIFEST)
      expect(findings).toMatchObject([{ code: 'HLS_PLAYLIST_SYNTAX_ERROR', file: MANIFEST }])
    }
  })

  it.each<[string, readonly [RegExp, string]]>([
    ['says a bandwidth below the peak', [/bandwidth="\d/, 'bandwidth="']],
    ['says a bandwidth far above the peak', [/bandwidth="(\d+)/, 'bandwidth="1$1']],
    ['says other codecs', [/codecs="avc1\.\w+"/, 'codecs="avc1.6e0029"']],
    ['says another width', [/ width="320"/, ' width="328"']],
    ['says another frame rate', [/frameRate="25"/, 'frameRate="30000/1001"']],
    ['leaves a rendition out', [/<Representation id="1"[^]*?<\/Representation>/, '']],
  ])('that %s is an error', async (_, change) => {
    expect(await edited(dash, change)).toEqual([SYNTAX])
  })

  it('that says another length is an error', async () => {
    const change = [/mediaPresentationDuration="[^"]*"/, 'mediaPresentationDuration="PT9S"'] as const
    expect(await edited(dash, change)).toEqual([`E HLS_DURATION_MISMATCH ${MANIFEST}`])
  })

  it('that lists what is not there, or not what is there, is an error', async () => {
    await using broken = await copyOf(dash)
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

  it('that ffprobe cannot open is found at the lowest level too', async () => {
    await using broken = await copyOf(dash)
    await writeFile(join(broken.set.dir, MANIFEST), 'no manifest')
    expect(await findingsOf(broken, { level: 'minimal' })).toEqual([`E FFPROBE_FAILED ${MANIFEST}`])
  })

  it('that says other lengths than the playlists over the same media is an error', async () => {
    await using broken = await copyOf(cmaf)
    await edit(broken, MANIFEST, (text) =>
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

  it('that lists segments in another order than the playlists over the same media is an error', async () => {
    await using broken = await copyOf(cmaf)
    await edit(broken, 'stream_0.m3u8', (text) =>
      text.replace(/chunk_0_([12])/g, (_, n: string) => `chunk_0_${n === '1' ? 2 : 1}`),
    )
    expect(await findingsOf(broken, { hlsDepth: 'basic' })).toEqual([SYNTAX])
  })

  it('that leaves out what the playlists over the same media have is an error', async () => {
    expect(await edited(cmaf, [/(<S t="\d+" d="\d+" r=")1"/, '$10"'])).toContain('E HLS_SEGMENT_MISSING chunk_0_3.m4s')
  })
})
