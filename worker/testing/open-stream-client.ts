import { onTestFinished } from 'vitest'

import type { StreamForm } from '../../shared/net/stream-url.ts'
import { startLocalServer } from '../../shared/testing/local-server.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'
import type { StreamClient } from '../monitors/monitor-context.ts'
import { createStreamClient } from '../monitors/stream-client.ts'
import { createFetcher } from '../platform/http.ts'

/** A client and the server of its stream. */
export type OpenedClient = { readonly client: StreamClient; readonly origin: string }

/** Opens the client of a stream at a path of a local server, where no resolver is installed. It closes with the test. */
export async function openStreamClient(
  answer: Parameters<typeof startLocalServer>[0],
  path: string,
  form: StreamForm = 'manifest',
): Promise<OpenedClient> {
  const server = await startLocalServer(answer)
  const proxies = { http: null, https: null, bypass: null }
  const fetcher = createFetcher({ policy: { allowPrivateNetworks: true }, proxies })
  onTestFinished(async () => {
    await fetcher[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })
  const client = createStreamClient({
    streamUrl: server.origin + path,
    form,
    fetcher,
    tools: { ytdlpPath: '/nonexistent', streamlinkPath: '/nonexistent', proxy: null },
    timeouts: { manifestMs: PATIENCE_MS, segmentMs: PATIENCE_MS },
    segmentMaxBytes: 1_000_000,
  })
  return { client, origin: server.origin }
}
