import { readFileSync } from 'node:fs'

import { callApi, type CallOptions, type WatchEvent } from './call-api.ts'
import type { FakeKubernetes } from './index.ts'
import { isJsonObject, type JsonObject } from './wire.ts'

/** A call to a real API server (v1.36.2, with a kubelet), and its response. */
export type RecordedCall = {
  readonly name: string
  readonly request: { readonly method: string; readonly path: string; readonly body?: JsonObject }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body?: unknown
    readonly events?: readonly WatchEvent[]
  }
}

export const RECORDED_CALLS = JSON.parse(
  readFileSync(new URL('recorded-1.36.json', import.meta.url), 'utf8'),
) as readonly RecordedCall[]

/** Returns a recorded call by its name. @throws if there is none */
export function findRecordedCall(name: string): RecordedCall {
  const found = RECORDED_CALLS.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no recorded call "${name}"`)
  return found
}

/** A response, reduced to the parts that were recorded. */
export type ComparableResponse = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** Sends a recorded call, or a variant of it, to the fake. */
export async function replayCall(
  fake: FakeKubernetes,
  { request, response }: RecordedCall,
  { body = request.body, ...options }: CallOptions = {},
): Promise<ComparableResponse> {
  const { status, headers, text } = await callApi(fake, request.method, request.path, { body, ...options })
  const isJson = response.headers['content-type'] === 'application/json'
  return {
    status,
    headers: Object.fromEntries(Object.keys(response.headers).map((name) => [name, headers.get(name) ?? ''])),
    body: isJson ? JSON.parse(text) : text,
  }
}

/** Returns the recorded response, normalized. */
export function expectedResponse({ response }: RecordedCall): unknown {
  return normalize({ status: response.status, headers: response.headers, body: response.body })
}

/** Replaces everything that differs between runs: uids, times, versions, addresses and the calling user. */
export function normalize(value: unknown): unknown {
  if (typeof value === 'string') return normalizeText(value)
  if (Array.isArray(value)) return value.map(normalize)
  if (!isJsonObject(value)) return value
  // The recording has no managed fields.
  const { managedFields: _managed, ...rest } = value
  return Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, normalize(inner)]))
}

function normalizeText(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
    .replaceAll(/[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g, 'UID')
    .replaceAll(/^containerd:\/\/[\da-f]{64}$/g, 'CONTAINER')
    .replaceAll(/^(?:10|127)\.88\.\d+\.\d+$/g, 'ADDRESS')
    .replaceAll(/^\d+$/g, 'VERSION')
    .replaceAll(/resource version: 5 \(\d+\)/g, 'resource version: 5 (VERSION)')
    .replaceAll('system:serviceaccount:tallylight:tallylight-gateway', 'system:serviceaccount:tallylight:gateway')
}
