import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  hkdfSync,
  randomBytes,
  randomUUID,
  verify,
  type ECDH,
} from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'

import { makeCertificate, type Certificate } from '../../shared/testing/certificate.ts'

/** What `PushSubscription.toJSON()` of a browser returns. */
export type BrowserSubscription = {
  readonly endpoint: string
  readonly expirationTime: null
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

/** A push as its browser receives it, decrypted. */
export type ReceivedPush = {
  readonly endpoint: string
  readonly content: Readonly<Record<string, string>>
  readonly ttl: number
  readonly urgency: string
  /** The address by which the operator can be reached. */
  readonly subject: string
}

/** A push service (RFC 8030) that plays its browsers too. It takes a push only if it is signed (RFC 8292) and encrypted (RFC 8291). */
export type PushService = AsyncDisposable & {
  readonly certificate: Certificate
  readonly pushes: readonly ReceivedPush[]
  /** Those of them whose sender got the answer. */
  readonly answered: readonly ReceivedPush[]
  /** What was wrong with pushes that it did not take. */
  readonly problems: readonly string[]
  /** Pushes that arrived, whatever was answered. */
  attempts(): number
  /** Pushes whose senders wait for an answer. */
  waiting(): number
  /** Subscribes another browser, with the public key of the platform. */
  subscribe(applicationServerKey: string): BrowserSubscription
  /** How it answers from now on: as it should, by this status, or not before it behaves in another way. */
  behave(behaviour: PushBehaviour): void
}

type PushBehaviour = 'take' | 'wait' | number

type Browser = { readonly subscription: BrowserSubscription; readonly serverKey: string; readonly ecdh: ECDH }

/** Starts a push service on 127.0.0.1. */
export async function startPushService(): Promise<PushService> {
  const certificate = makeCertificate()
  const browsers = new Map<string, Browser>()
  const problems: string[] = []
  const { take, ...inbox } = createInbox()
  let attempts = 0

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request)
    attempts++
    const browser = browsers.get(request.url ?? '')
    try {
      if (browser === undefined) throw new Error('there is no such endpoint')
      take(openPush(browser, request, body), response)
    } catch (error) {
      problems.push(String(error))
      response.writeHead(403).end()
    }
  }

  const server = createServer(certificate, (request, response) => void receive(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ...inbox,
    certificate,
    problems,
    attempts: () => attempts,
    subscribe(serverKey) {
      const path = `/push/${randomUUID()}`
      const ecdh = createECDH('prime256v1')
      const keys = { p256dh: ecdh.generateKeys('base64url'), auth: randomBytes(16).toString('base64url') }
      const subscription = { endpoint: `https://127.0.0.1:${port}${path}`, expirationTime: null, keys }
      browsers.set(path, { subscription, serverKey, ecdh })
      return subscription
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Creates what has come for the browsers, and how it is answered. */
function createInbox() {
  const pushes: ReceivedPush[] = []
  const answered: ReceivedPush[] = []
  const waiting = new Map<ServerResponse, ReceivedPush>()
  let behaviour: PushBehaviour = 'take'

  function answer(response: ServerResponse, push: ReceivedPush): void {
    waiting.delete(response)
    answered.push(push)
    response.writeHead(201).end()
  }

  return {
    pushes,
    answered,
    waiting: () => waiting.size,
    take(push: ReceivedPush, response: ServerResponse): void {
      if (typeof behaviour === 'number') return void response.writeHead(behaviour).end()
      pushes.push(push)
      if (behaviour === 'take') return answer(response, push)
      waiting.set(response, push)
      response.once('close', () => waiting.delete(response))
    },
    behave(next: PushBehaviour): void {
      behaviour = next
      if (next === 'wait') return
      for (const [response, push] of waiting) answer(response, push)
    },
  }
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function openPush(browser: Browser, { headers, method }: IncomingMessage, body: Buffer): ReceivedPush {
  if (method !== 'POST') throw new Error(`${method} is no push`)
  if (headers['content-encoding'] !== 'aes128gcm') throw new Error('the content is not encrypted by RFC 8188')
  if (body.length > 4096) throw new Error('the content is too long')
  const subject = verifyVapid(browser, headers.authorization ?? '')
  const content = JSON.parse(decrypt(browser, body).toString()) as ReceivedPush['content']
  const { endpoint } = browser.subscription
  return { endpoint, content, ttl: Number(headers['ttl']), urgency: String(headers['urgency']), subject }
}

/** Verifies the signature of the platform, and returns the address in it. */
function verifyVapid({ serverKey, subscription }: Browser, authorization: string): string {
  const [, token = '', key = ''] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(authorization) ?? []
  if (key !== serverKey) throw new Error('the browser subscribed with another key')
  const { aud, exp, sub } = readToken(token, key)
  const leftSec = Number(exp) - Date.now() / 1000
  if (aud !== new URL(subscription.endpoint).origin) throw new Error('the signature is for another push service')
  if (leftSec < 0 || leftSec > 86_400) throw new Error('the signature has expired, or is valid for more than a day')
  return String(sub)
}

/** Returns the claims of a token (ES256, RFC 7518 §3.4). */
function readToken(token: string, key: string): Record<string, unknown> {
  const point = Buffer.from(key, 'base64url')
  const x = point.subarray(1, 33).toString('base64url')
  const y = point.subarray(33).toString('base64url')
  const publicKey = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } })
  const at = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(at + 1), 'base64url')
  const verifier = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
  if (!verify('sha256', Buffer.from(token.slice(0, at)), verifier, signature)) throw new Error('the signature is wrong')
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

/** Decrypts a message of one record (RFC 8188 §2, RFC 8291 §3). */
function decrypt({ ecdh, subscription }: Browser, body: Buffer): Buffer {
  const salt = body.subarray(0, 16)
  const keyLength = body.readUInt8(20)
  const senderKey = body.subarray(21, 21 + keyLength)
  const sealed = body.subarray(21 + keyLength)
  const auth = Buffer.from(subscription.keys.auth, 'base64url')
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), senderKey])
  const secret = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(senderKey), auth, info, 32))
  const derive = (name: string, length: number) =>
    Buffer.from(hkdfSync('sha256', secret, salt, `Content-Encoding: ${name}\0`, length))
  const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12))
  decipher.setAuthTag(sealed.subarray(-16))
  const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
  const end = padded.lastIndexOf(2)
  if (end < 0) throw new Error('the last record has no delimiter')
  return padded.subarray(0, end)
}
