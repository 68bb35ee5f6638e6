import * as v from 'valibot'

import { PartEvent } from '../../../shared/contract/live.ts'
import { signCallback } from '../../../shared/net/signing.ts'

/** A part that a gateway would have: its event, its bytes, and when it had them in unix ms. */
export type ReadPart = { readonly event: PartEvent; readonly bytes: Buffer; readonly atMs: number }

/** Reads the parts of a broadcast as a gateway does; disposing of it ends that. */
export type PartReader = AsyncDisposable & { readonly parts: readonly ReadPart[] }

/** Follows the feed of a worker, and fetches each part at once. */
export function readParts(partsUrl: string, token: string): PartReader {
  const abort = new AbortController()
  const parts: ReadPart[] = []

  async function get(path: string): Promise<Response> {
    const timestamp = (Date.now() / 1000).toFixed(0)
    const signature = signCallback(token, timestamp, { method: 'GET', path, body: '' })
    const headers = { 'x-timestamp': timestamp, 'x-signature-256': signature }
    const response = await fetch(`${partsUrl}${path}`, { headers, signal: abort.signal })
    if (response.status !== 200) throw new Error(`${path} is answered with ${response.status}`)
    return response
  }

  async function fetchPart(line: string): Promise<void> {
    const event = v.parse(PartEvent, JSON.parse(line))
    const { run, rung, n, part } = event
    const response = await get(`/parts/${run}/${rung}/${n}.${part}.m4s`)
    parts.push({ event, bytes: Buffer.from(await response.arrayBuffer()), atMs: Date.now() })
  }

  async function follow(): Promise<void> {
    const feed = await get('/feed')
    let rest = ''
    for await (const chunk of feed.body ?? []) {
      const lines = (rest + Buffer.from(chunk).toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) await fetchPart(line)
    }
  }

  const following = follow().catch(() => {})
  return {
    parts,
    async [Symbol.asyncDispose]() {
      abort.abort()
      await following
    },
  }
}
