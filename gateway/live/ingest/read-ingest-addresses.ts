import * as v from 'valibot'

import { clientUrlOf } from '../../settings/read-settings.ts'
import type { LiveContext } from '../context.ts'
import { findIngestServer } from '../store/ingest-servers.ts'

/**
 * Where a broadcast is published: by RTMP to `{rtmp_url}/{stream_key}`, by WHIP to `whip_url` with the key as token, by SRT
 * to `srt_url`, which holds its passphrase and is shown with a new key only.
 */
export const IngestAddresses = v.object({
  rtmp_url: v.string(),
  rtmps_url: v.optional(v.string()),
  whip_url: v.optional(v.string()),
  srt_url: v.optional(v.string()),
})
export type IngestAddresses = v.InferOutput<typeof IngestAddresses>

/** Returns where a broadcast is published: as set, or at the ports that the ingest worker has reported. */
export async function readIngestAddresses({ db, settings }: LiveContext, streamId: string): Promise<IngestAddresses> {
  const { rtmpUrl, rtmpPort } = settings.live
  const server = await findIngestServer(db)
  const clientUrl = clientUrlOf(settings)
  const { hostname } = new URL(clientUrl)
  const rtmps = server?.rtmpsPort ?? null
  return {
    rtmp_url: rtmpUrl ?? `rtmp://${hostname}:${server?.rtmpPort ?? rtmpPort}/live`,
    ...(rtmps === null ? {} : { rtmps_url: `rtmps://${hostname}:${rtmps}/live` }),
    ...(server?.whipUrl === null ? {} : { whip_url: `${clientUrl}/api/v1/streams/${streamId}/whip` }),
  }
}
