import { hostname } from 'node:os'

import { describe, expect, onTestFinished, test } from 'vitest'

import { startLocalServer } from '../../shared/testing/local-server.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { createPolicyKeeper } from './changing-policy.ts'
import { createFetcher, type FetchResult } from './http.ts'

const NO_PROXIES = { http: null, https: null, bypass: null }
const options = () => ({ timeoutMs: PATIENCE_MS, maxBytes: 1000, signal: new AbortController().signal })

async function serve(handle: Parameters<typeof startLocalServer>[0]): Promise<string> {
  const server = await startLocalServer(handle)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server.origin
}

function text(fetched: FetchResult): string {
  return fetched.kind === 'ok' ? Buffer.from(fetched.bytes).toString() : fetched.failure.message
}

describe('a change of the policy', () => {
  test('counts for running fetchers in both directions, also on connections that are kept', async () => {
    const base = await serve(async (_request, response) => void response.end('private'))
    const keeper = createPolicyKeeper()
    await using made = createFetcher({ policy: keeper.policy, proxies: NO_PROXIES })
    for (const url of [base, base.replace('127.0.0.1', 'localhost'), base.replace('127.0.0.1', hostname())]) {
      const answers: string[] = []
      for (const isAllowed of [false, true, false, true]) {
        keeper.allowPrivateNetworks(isAllowed)
        answers.push(text(await made.get(url, options())))
      }
      const forbidden = expect.stringMatching(/private address/)
      expect(answers).toEqual([forbidden, 'private', forbidden, 'private'])
    }
  })

  test('that forbids private addresses ends a body that is still read from one', async () => {
    const base = await serve(async (_request, response) => void response.write('a beginning'))
    const keeper = createPolicyKeeper()
    keeper.allowPrivateNetworks(true)
    await using made = createFetcher({ policy: keeper.policy, proxies: NO_PROXIES })
    const opened = await made.open(base, { headers: {}, signal: new AbortController().signal })
    if (opened.kind !== 'opened') throw new Error(opened.failure.message)
    keeper.allowPrivateNetworks(false)
    const readAll = async () => {
      for await (const _chunk of opened.body);
    }
    await expect(readAll()).rejects.toThrow('the connection was closed before the end of the body')
  })
})
