import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as v from 'valibot'

import type { GatewayProcess } from '../testing/gateway-process.ts'

const CALL_TIMEOUT_MS = 10_000

/** Generates a random key for a setting. */
export function generateKey(): string {
  return randomBytes(24).toString('base64url')
}

/** Creates a folder that is removed on dispose. */
export async function createTemporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tallylight-demo-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Creates a caller of the public API, which throws the response text of a status other than 2xx. */
export function createApiCaller(gateway: GatewayProcess, credentials: Readonly<Record<string, string>>) {
  return async <T>(schema: v.GenericSchema<unknown, T>, call: string, body?: object): Promise<T> => {
    const [method = '', path = ''] = call.split(' ')
    const response = await fetch(gateway.origin + path, {
      method,
      headers: { ...credentials, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`${call} was answered ${response.status}: ${await response.text()}`)
    return v.parse(schema, await response.json())
  }
}

/** Returns a signal that aborts when the gateway ends, with its last log lines. */
export function abortOnExit(gateway: GatewayProcess): AbortSignal {
  const ended = new AbortController()
  void gateway.exited.then(() => ended.abort(new Error(`the gateway ended:\n${gateway.lastLines.join('\n')}`)))
  return ended.signal
}

/** Returns a signal that aborts at SIGINT or SIGTERM. */
export function abortOnInterrupt(): AbortSignal {
  const stopped = new AbortController()
  const stop = () => stopped.abort(new Error('interrupted'))
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop)
  return stopped.signal
}
