import type { Context as HonoContext } from 'hono'

import type { PartEvent } from '../../../shared/contract/live.ts'
import { UUID } from '../../../shared/ids.ts'
import { answerMedia } from '../../media/routes.ts'
import type { PartFeed } from './part-feed.ts'
import { LONGEST_RELOAD_MS, notPlayable, type Playback } from './playback.ts'

/** The address of a part: `live/ID/[SECRET/]EPOCH/RUNG/N.PART.m4s`. */
export type PartAddress = {
  readonly streamId: string
  readonly epoch: number
  readonly rung: string
  readonly n: number
  readonly part: number
}

const PART_PATH = /^\/live\/([0-9a-f-]{36})\/(?:[0-9a-f]{32}\/)?(\d{1,9})\/(\d{1,4})\/(\d{1,9})\.(\d{1,4})\.m4s$/

/** Returns the address of a part in a path; `null` where the path is that of something else. */
export function parsePartPath(path: string): PartAddress | null {
  const [, streamId = '', epoch = '', rung = '', n = '', part = ''] = PART_PATH.exec(path) ?? []
  return UUID.test(streamId) ? { streamId, epoch: Number(epoch), rung, n: Number(n), part: Number(part) } : null
}

const PART_HEADERS = {
  'Content-Type': 'video/iso.segment',
  'Cache-Control': 'public, max-age=31536000, immutable',
}

/**
 * Answers with a part. One that does not exist yet is waited for, since playlists hint at it.
 * @throws BrokenRule STREAM_NOT_FOUND
 */
export async function answerPart(playback: Playback, c: HonoContext, address: PartAddress): Promise<Response> {
  playback.limitUnplayed(c, address.streamId)
  const deadline = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(LONGEST_RELOAD_MS)])
  const found = await findPart(playback, c.req.path, address, deadline)
  const bytes = found === null ? null : await found.feed.read(found.event)
  if (bytes === null) throw notPlayable('there is no such part')
  return answerMedia(c, { headers: PART_HEADERS, body: new Uint8Array(bytes) })
}

type FoundPart = { readonly feed: PartFeed; readonly event: PartEvent }

/** Returns a part that was announced, or whether it may still come. */
function findAnnounced({ parts, origin }: PartFeed, address: PartAddress): PartEvent | 'expected' | 'passed' {
  const known = (parts() ?? []).filter(({ epoch, rung }) => epoch === address.epoch && rung === address.rung)
  const event = known.find(({ n, part }) => n === address.n && part === address.part)
  const mayCome = origin.epoch === address.epoch && address.n >= (known.at(-1)?.n ?? 0)
  return event ?? (mayCome ? 'expected' : 'passed')
}

/** Returns a part once its worker has announced it; `null` where that will not come. */
async function findPart(
  { played }: Playback,
  path: string,
  address: PartAddress,
  deadline: AbortSignal,
): Promise<FoundPart | null> {
  for (;;) {
    const current = await played.read(address.streamId)
    // The folder may be a secret.
    const feed = path.startsWith(`/${current?.stream.folder}`) ? (current?.feed ?? null) : null
    if (feed === null) return null
    const announced = findAnnounced(feed, address)
    if (announced === 'passed' || deadline.aborted) return null
    if (announced !== 'expected') return { feed, event: announced }
    await played.waitForChange(address.streamId, deadline)
  }
}
