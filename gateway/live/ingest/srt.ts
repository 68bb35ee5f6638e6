import type { SrtListener } from '../../../shared/contract/live.ts'
import { deriveSrtPassphrase } from '../../../shared/net/signing.ts'
import { clientUrlOf } from '../../settings/read-settings.ts'
import type { LiveContext } from '../context.ts'
import { findSrtPort, listSrtStreams } from '../store/srt-ports.ts'
import { ingestIds } from './pod.ts'
import type { IngestAddresses } from './read-ingest-addresses.ts'

/**
 * Returns where a broadcast is published over SRT, with its passphrase, where it has a listener. The passphrase changes with
 * the stream key, and is stored nowhere.
 */
export async function readSrtAddress(
  { db, settings }: LiveContext,
  streamId: string,
  keyHash: string,
): Promise<Pick<IngestAddresses, 'srt_url'>> {
  const port = settings.live.srtPorts === null ? null : await findSrtPort(db, streamId)
  if (port === null) return {}
  const { hostname } = new URL(settings.live.rtmpUrl ?? clientUrlOf(settings))
  const passphrase = deriveSrtPassphrase(settings.keys.INTERNAL_API_KEY, keyHash)
  return { srt_url: `srt://${hostname}:${port}?mode=caller&passphrase=${passphrase}&pbkeylen=16` }
}

/** Returns the listeners that an ingest worker keeps open: the first worker has all of them. */
export async function listSrtListeners({ db, settings }: LiveContext, ingestId: string): Promise<SrtListener[]> {
  const { srtPorts } = settings.live
  if (srtPorts === null || ingestId !== ingestIds(settings.live)[0]) return []
  const rows = await listSrtStreams(db, srtPorts)
  return rows.map(({ streamId, srtPort, keyHash }) => ({
    stream_id: streamId,
    port: srtPort,
    passphrase: deriveSrtPassphrase(settings.keys.INTERNAL_API_KEY, keyHash),
    key_hash: keyHash,
  }))
}
