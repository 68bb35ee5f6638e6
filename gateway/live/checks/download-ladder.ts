import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { parseMediaPlaylist } from '../testing/player/media-playlist.ts'
import type { CheckedBroadcast } from './product.ts'

/**
 * Stores the complete segments of all renditions of a broadcast, from its first run of the encoder that has some, in a
 * folder as a job's set of HLS: `stream_N.m3u8` for rendition N.
 */
export async function downloadLadder({ masterUrl }: CheckedBroadcast, dir: string, count: number): Promise<void> {
  const master = await fetchText(masterUrl)
  const addresses = master.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const named = addresses.reduce((text, address, i) => text.replace(address, `stream_${i}.m3u8`), master)
  await writeFile(join(dir, 'master.m3u8'), named)
  for (const [i, address] of addresses.entries())
    await downloadRendition(new URL(address, masterUrl), i, { dir, count })
}

type LadderFolder = { readonly dir: string; readonly count: number }

async function downloadRendition(url: URL, index: number, { dir, count }: LadderFolder): Promise<void> {
  const { targetSec, segments } = parseMediaPlaylist(await fetchText(url.href))
  const complete = segments.filter(({ uri }) => uri !== null)
  const map = complete.at(-1)?.map ?? ''
  const chosen = complete.filter((segment) => segment.map === map).slice(0, count)
  const init = `init_${index}.m4s`
  await download(new URL(map, url), join(dir, init))
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9', `#EXT-X-TARGETDURATION:${targetSec}`, `#EXT-X-MAP:URI="${init}"`]
  for (const [i, { uri, durationSec }] of chosen.entries()) {
    const name = `chunk_${index}_${i}.m4s`
    await download(new URL(uri ?? '', url), join(dir, name))
    lines.push(`#EXTINF:${durationSec.toFixed(5)},`, name)
  }
  await writeFile(join(dir, `stream_${index}.m3u8`), `${[...lines, '#EXT-X-ENDLIST'].join('\n')}\n`)
}

async function fetchText(url: string): Promise<string> {
  return (await fetchGood(url)).text()
}

async function download(url: URL, path: string): Promise<void> {
  await writeFile(path, Buffer.from(await (await fetchGood(url.href)).arrayBuffer()))
}

async function fetchGood(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(20_000) })
  if (!response.ok) throw new Error(`${url} was answered ${response.status}`)
  return response
}
