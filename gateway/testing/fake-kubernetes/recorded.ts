import { readFileSync } from 'node:fs'

import { ask, type Question, type WatchEvent } from './ask.ts'
import type { FakeKubernetes } from './index.ts'
import { isJsonObject, type JsonObject } from './wire.ts'

/** One call to a real API server (v1.36.2, with a kubelet), and what it answered. */
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

export const RECORDED = JSON.parse(
  readFileSync(new URL('recorded-1.36.json', import.meta.url), 'utf8'),
) as readonly RecordedCall[]

export function recorded(name: string): RecordedCall {
  const found = RECORDED.find((one) => one.name === name)
  if (found === undefined) throw new Error(`nothing recorded of ${name}`)
  return found
}

/** What is told of a call in both worlds. */
export type Heard = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** Makes a recorded call to the fake, or one like it. */
export async function call(
  fake: FakeKubernetes,
  { request, response }: RecordedCall,
  { body = request.body, ...question }: Question = {},
): Promise<Heard> {
  const { status, headers, text } = await ask(fake, request.method, request.path, { body, ...question })
  const isJson = response.headers['content-type'] === 'application/json'
  return {
    status,
    headers: Object.fromEntries(Object.keys(response.headers).map((name) => [name, headers.get(name) ?? ''])),
    body: isJson ? JSON.parse(text) : text,
  }
}

/** What was recorded, made comparable. */
export function told({ response }: RecordedCall): unknown {
  return plain({ status: response.status, headers: response.headers, body: response.body })
}

/** Without what differs from run to run: uids, times, versions, addresses, and who asks. */
export function plain(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value)
  if (Array.isArray(value)) return value.map(plain)
  if (!isJsonObject(value)) return value
  // The recorded answers are without them.
  const { managedFields: _managed, ...rest } = value
  return Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, plain(inner)]))
}

function plainText(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
    .replaceAll(/[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g, 'UID')
    .replaceAll(/^containerd:\/\/[\da-f]{64}$/g, 'CONTAINER')
    .replaceAll(/^10\.88\.\d+\.\d+$/g, 'ADDRESS')
    .replaceAll(/^\d+$/g, 'VERSION')
    .replaceAll(/resource version: 5 \(\d+\)/g, 'resource version: 5 (VERSION)')
    .replaceAll('system:serviceaccount:tallylight:tallylight-gateway', 'system:serviceaccount:tallylight:gateway')
}
