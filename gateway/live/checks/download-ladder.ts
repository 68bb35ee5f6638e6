import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { parseMediaPlaylist, type ListedSegment } from '../testing/player/media-playlist.ts'
import type { CheckedBroadcast } from './product.ts'

/**
 * Stores some complete segments of one run of the encoder, the same ones of all renditions of a broadcast, in a folder as
 * a job's set of HLS: `stream_N.m3u8` for rendition N.
 * @throws Error where no run has so many segments
 */
export async function downloadLadder({ masterUrl }: CheckedBroadcast, dir: string, count: number): Promise<void> {
  const master = await fetchText(masterUrl)
  const addresses = master.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const named = addresses.reduce((text, address, i) => text.replace(address, `stream_${i}.m3u8`), master)
  await writeFile(join(dir, 'master.m3u8'), named)
  const urls = addresses.map((address) => new URL(address, masterUrl))
  const [highest] = urls
  if (highest === undefined) throw new Error('there is no rendition')
  const { segments } = parseMediaPlaylist(await fetchText(highest.href))
  const seqs = chooseSegments(segments, count)
  for (const [i, url] of urls.entries()) await downloadRendition(url, i, { dir, seqs })
}

/** Returns the sequence numbers of the first segments that come from one run. */
function chooseSegments(segments: readonly ListedSegment[], count: number): readonly number[] {
  const complete = segments.filter(({ uri }) => uri !== null)
  const first = complete.findIndex(({ map }, i) => complete[i + count - 1]?.map === map)
  if (first === -1) throw new Error(`no run of the encoder has ${count} segments`)
  return complete.slice(first, first + count).map(({ seq }) => seq)
}

type LadderFolder = { readonly dir: string; readonly seqs: readonly number[] }

async function downloadRendition(url: URL, index: number, { dir, seqs }: LadderFolder): Promise<void> {
  const { targetSec, segments } = parseMediaPlaylist(await fetchText(url.href))
  const chosen = segments.filter(({ seq }) => seqs.includes(seq))
  const init = `init_${index}.m4s`
  await download(new URL(chosen[0]?.map ?? '', url), join(dir, init))
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
