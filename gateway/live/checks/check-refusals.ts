import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { StreamList } from '../broadcasts/present.ts'
import { startEncoder } from '../testing/encoder.ts'
import { createBroadcast, findEncodingPids, startProduct, type CheckedProduct } from './product.ts'
import { SHORT_LADDER } from './publishing.ts'
import { atMost, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'

/** How long an encoder has taken to be refused, in seconds, and what it said. */
type Refusal = { readonly sec: number; readonly output: string }

/** Publishes with a wrong key, then with a good one while the gateway is frozen, and after it was killed. */
export async function checkRefusals(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  const broadcast = await createBroadcast(product)
  const before = await listTraces(product)
  const wrong = await publishInVain(`${broadcast.url}x`)
  const after = await listTraces(product)
  const pids = findEncodingPids(broadcast)
  product.gateway().kill('SIGSTOP')
  const frozen = await publishInVain(broadcast.url)
  product.gateway().kill('SIGCONT')
  product.gateway().kill('SIGKILL')
  const killed = await publishInVain(broadcast.url)
  await product.gateway().exited
  return [
    ...describeRefusal('wrong key', wrong),
    isSo(
      `${pids.length} processes, rows and files ${before === after ? 'as before' : 'changed'}`,
      'no trace',
      pids.length === 0 && before === after,
    ),
    ...describeRefusal('gateway frozen', frozen),
    // On one machine the ingest ends with its gateway: an encoder cannot connect.
    atMost('gateway killed: the encoder fails after', killed.sec, 3),
  ]
}

async function publishInVain(url: string): Promise<Refusal> {
  const startedMs = Date.now()
  await using encoder = startEncoder({ url, sec: 15 })
  const { output } = await encoder.ended
  return { sec: (Date.now() - startedMs) / 1000, output }
}

function describeRefusal(name: string, { sec, output }: Refusal): readonly CheckedFigure[] {
  const reason = /(?:Server error|BadName)[: ]*(.*)/.exec(output)?.[1] ?? ''
  return [atMost(`${name}: refused after`, sec, 3), isSo(`“${reason.trim()}”`, 'a reason', reason !== '')]
}

/** Returns the broadcasts with their states, and the names of all media files. */
async function listTraces({ call, dataDir }: CheckedProduct): Promise<string> {
  const { streams } = await call(StreamList, 'GET /api/v1/streams?limit=200')
  const files = await readdir(join(dataDir, 'media'), { recursive: true }).catch(() => [])
  return JSON.stringify([streams.map(({ stream_id: id, state }) => [id, state]), files])
}
