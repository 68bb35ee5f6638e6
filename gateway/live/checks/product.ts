import * as v from 'valibot'

import { createApiCaller, createTemporaryFolder, generateKey } from '../../demo/demo-gateway.ts'
import { findFreePort } from '../../adapters/http/free-port.ts'
import { findEncoderPids, findWorkerPids, readParentPid } from '../../testing/find-processes.ts'
import { startGatewayProcess, type GatewayProcess } from '../../testing/gateway-process.ts'
import { CreatedStream, StreamView } from '../broadcasts/present.ts'
import { startEncoder } from '../testing/encoder.ts'
import { waitUntil } from './wait-until.ts'

type ApiCall = ReturnType<typeof createApiCaller>

/** The product on an empty data folder, started as a user starts it, with a user who is signed in. */
export type CheckedProduct = AsyncDisposable & {
  readonly origin: string
  readonly dataDir: string
  /** All lines of its log. */
  readonly lines: readonly string[]
  readonly call: ApiCall
  /** The session's cookie: its name and its value. */
  readonly cookie: { readonly name: string; readonly value: string }
  gateway(): GatewayProcess
  /** Starts a gateway on the same data folder and ports; the previous one must have ended. */
  restart(): Promise<void>
}

/** A broadcast of a check. */
export type CheckedBroadcast = {
  readonly id: string
  readonly key: string
  /** Where its encoder publishes to, with the key. */
  readonly url: string
  readonly masterUrl: string
  read(): Promise<StreamView>
  /** Returns the text of a rendition's playlist; empty where there is none. */
  readPlaylist(height: number): Promise<string>
  end(): Promise<StreamView>
}

/** Starts the product with further settings, and waits until encoders can publish. */
export async function startProduct(
  signal: AbortSignal,
  settings: Readonly<Record<string, string>> = {},
): Promise<CheckedProduct> {
  const folder = await createTemporaryFolder()
  const [port, rtmpPort] = [await findFreePort(null), await findFreePort(null)]
  const lines: string[] = []
  const env = {
    DATA_DIR: folder.path,
    API_KEY: generateKey(),
    INTERNAL_API_KEY: generateKey(),
    WEBHOOK_SIGNING_KEY: generateKey(),
    RTMP_PORT: String(rtmpPort),
    ALLOW_PRIVATE_NETWORKS: 'true',
    // Checks ask more often than people do.
    RATE_LIMIT_READS_PER_MIN: '100000',
    RATE_LIMIT_WRITES_PER_MIN: '100000',
    LOG_LEVEL: 'debug',
    ...settings,
  }
  const start = () => startGatewayProcess({ port, env, signal, onLine: (line) => lines.push(line) })
  let gateway = await start().catch(async (error: unknown) => {
    await folder[Symbol.asyncDispose]()
    throw error
  })
  const { call, cookie } = await signUp(gateway)
  const product: CheckedProduct = {
    origin: gateway.origin,
    dataDir: folder.path,
    lines,
    call,
    cookie,
    gateway: () => gateway,
    async restart() {
      gateway = await start()
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
  await waitForIngest(product, signal)
  return product
}

const Session = v.object({ token: v.string() })

async function signUp(gateway: GatewayProcess): Promise<Pick<CheckedProduct, 'call' | 'cookie'>> {
  const [login, password] = ['checker', generateKey()]
  const anyone = createApiCaller(gateway, {})
  await anyone(v.unknown(), 'POST /api/v1/auth/register', { username: login, password, email: 'checker@example.org' })
  const answer = await fetch(`${gateway.origin}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ login, password }),
  })
  const { token } = v.parse(Session, await answer.json())
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(answer.headers.getSetCookie()[0] ?? '') ?? []
  return { call: createApiCaller(gateway, { authorization: `Bearer ${token}` }), cookie: { name, value } }
}

/** Waits until an encoder with a wrong key is answered. */
async function waitForIngest(product: CheckedProduct, signal: AbortSignal): Promise<void> {
  const { url, id } = await createBroadcast(product)
  const isRefused = async () => {
    await using encoder = startEncoder({ url: `${url}-wrong`, sec: 5 })
    return /BadName|Server error/.test((await encoder.ended).output)
  }
  await waitUntil(isRefused, { what: 'an ingest worker listens', sec: 60, signal })
  await fetch(`${product.origin}/api/v1/streams/${id}`, { method: 'DELETE', headers: cookieHeaders(product) })
}

function cookieHeaders({ cookie, origin }: CheckedProduct): Record<string, string> {
  return { cookie: `${cookie.name}=${cookie.value}`, origin }
}

/** Creates a broadcast with further fields. */
export async function createBroadcast(product: CheckedProduct, fields: object = {}): Promise<CheckedBroadcast> {
  const { call, origin } = product
  const stream = await call(CreatedStream, 'POST /api/v1/streams', { title: 'Check', ...fields })
  const { stream_id: id, stream_key: key } = stream
  return {
    id,
    key,
    url: `${stream.ingest.rtmp_url}/${key}`,
    masterUrl: `${origin}/live/${id}/master.m3u8`,
    read: () => call(StreamView, `GET /api/v1/streams/${id}`),
    async readPlaylist(height) {
      const answer = await fetch(`${origin}/live/${id}/${height}.m3u8`)
      const text = await answer.text()
      return answer.ok ? text : ''
    },
    end: () => call(StreamView, `PUT /api/v1/streams/${id}/end`),
  }
}

/** Returns the processes that encode a broadcast: its worker, and the worker's ffmpeg. */
export function findEncodingPids({ id }: CheckedBroadcast): readonly number[] {
  const workers = findWorkerPids(`live-${id}`)
  return [...workers, ...workers.flatMap(findEncoderPids)]
}

/** Returns the processes of the product's ingest worker. */
export function findIngestPids(product: CheckedProduct): readonly number[] {
  return findWorkerPids('ingest-0').filter((pid) => readParentPid(pid) === product.gateway().pid)
}
