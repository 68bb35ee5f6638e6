import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { benchBroadcasts } from './live/broadcasts.ts'
import { benchChat } from './live/chat.ts'
import { benchFollowers } from './live/followers.ts'
import { benchIngest } from './live/ingest.ts'
import { benchPages } from './live/pages.ts'
import { makeSourceClip } from './live/source-clip.ts'
import type { BenchResult } from './result-table.ts'

/**
 * Measures live from the ingest over encoding and packaging to the delivery of playlists and segments, its chat, and
 * its pages.
 */
export async function benchLive(): Promise<BenchResult[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-bench-'))
  try {
    const clip = makeSourceClip(join(dir, 'source.flv'))
    return [
      ...(await benchIngest(dir, clip)),
      ...(await benchBroadcasts(dir, clip)),
      ...(await benchChat()),
      ...(await benchFollowers()),
      ...(await benchPages()),
    ]
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
