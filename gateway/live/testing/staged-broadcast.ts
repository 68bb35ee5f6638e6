import { expect } from 'vitest'

import { PATIENCE_MS, until } from '../../../shared/testing/until.ts'
import type { Json } from '../../testing/test-gateway.ts'
import type { TestUser } from './live-gateway.ts'
import type { LiveStage } from './live-stage.ts'
import { playBroadcast } from './player/player.ts'

/** The height of the only rung of a staged broadcast: `LIVE_LADDER` of `180:300`. */
export const STAGED_HEIGHT = 180

/** A stored segment: its media sequence number, and its number within the epoch of its worker. */
export type StagedSegment = { readonly seq: number; readonly epoch: number; readonly n: number }

/** A broadcast on a stage, as its owner, its database and its players see it. */
export type StagedBroadcast = {
  readonly id: string
  readonly streamKey: string
  read(): Promise<Json>
  listSegments(): Promise<StagedSegment[]>
  /** Resolves once this many more segments are stored. */
  waitForSegments(more: number): Promise<void>
  /** Ends it, plays it from its first segment on, and returns the numbers in its frames. */
  endAndPlay(): Promise<number[]>
}

/** Creates a broadcast. */
export async function createStagedBroadcast(
  { api, database, url }: LiveStage,
  owner: TestUser,
  title: string,
): Promise<StagedBroadcast> {
  const call = (method: string, path: string, body?: unknown) => api(method, `/api/v1${path}`, body, owner.headers)
  const { json } = await call('POST', '/streams', { title })
  const id: string = json.stream_id
  const listSegments = async () => [
    ...(await database.sql<StagedSegment[]>`
      select seq, epoch, n from stream_segments where stream_id = ${id} order by seq`),
  ]
  return {
    id,
    streamKey: json.stream_key,
    read: async () => (await call('GET', `/streams/${id}`)).json,
    listSegments,
    async waitForSegments(more) {
      const wanted = (await listSegments()).length + more
      await until(async () => (await listSegments()).length >= wanted, `${wanted} segments of "${title}" are stored`)
    },
    async endAndPlay() {
      expect((await call('PUT', `/streams/${id}/end`)).status).toBe(200)
      const master = `${url}/live/${id}/master.m3u8`
      const played = await playBroadcast({ url: master, signal: AbortSignal.timeout(PATIENCE_MS) })
      return played.readFrameNumbers(STAGED_HEIGHT)
    },
  }
}

/** Resolves with where encoders publish to at an ingest worker of a stage, once it listens there and has reported that. */
export async function findIngestUrl({ database }: LiveStage, ingestId: string): Promise<string> {
  let port: number | undefined
  await until(async () => {
    const [row] = await database.sql<{ port: number }[]>`
      select rtmp_port as port from ingest_servers where ingest_id = ${ingestId}`
    port = row?.port
    return port !== undefined
  }, `${ingestId} listens`)
  return `rtmp://127.0.0.1:${port}/live`
}

/** Returns `count` numbers from `first` on. */
export function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_one, i) => first + i)
}
