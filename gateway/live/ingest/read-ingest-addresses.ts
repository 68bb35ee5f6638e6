import * as v from 'valibot'

import { clientUrlOf } from '../../settings/read-settings.ts'
import type { LiveContext } from '../context.ts'
import { findIngestServer } from '../store/ingest-servers.ts'

/** Where an encoder publishes to: `{rtmp_url}/{stream_key}`. */
export const IngestAddresses = v.object({ rtmp_url: v.string(), rtmps_url: v.optional(v.string()) })
export type IngestAddresses = v.InferOutput<typeof IngestAddresses>

/** Returns where encoders publish to: as set, or at the ports that the ingest worker has reported. */
export async function readIngestAddresses({ db, settings }: LiveContext): Promise<IngestAddresses> {
  const { rtmpUrl, rtmpPort } = settings.live
  const server = await findIngestServer(db)
  const { hostname } = new URL(clientUrlOf(settings))
  const rtmps = server?.rtmpsPort ?? null
  return {
    rtmp_url: rtmpUrl ?? `rtmp://${hostname}:${server?.rtmpPort ?? rtmpPort}/live`,
    ...(rtmps === null ? {} : { rtmps_url: `rtmps://${hostname}:${rtmps}/live` }),
  }
}
