import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { IngestSource } from '../../../shared/contract/live.ts'
import { hashText } from '../../../shared/net/hash.ts'
import { makeCertificate } from '../../../shared/testing/certificate.ts'
import { until } from '../../../shared/testing/until.ts'
import { createPolicyKeeper } from '../../platform/changing-policy.ts'
import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import type { RtmpMessage } from '../ingest/rtmp/rtmp-message.ts'
import { framesOf, isFrame, publish } from '../testing/broadcast.ts'
import { makeFlvClip, type FlvClip } from '../testing/flv-clip.ts'
import { startPlatform, type PlatformServer } from '../testing/platform-server.ts'
import { MEANS, orderFor, SECRET, startPush } from '../testing/push-fixture.ts'
import { startIngestGateway, type IngestGateway } from '../testing/ingest-gateway.ts'
import { startIngestWorker, type TestIngestWorker } from '../testing/ingest-worker.ts'
import { openPublisher, type RtmpClient } from '../testing/rtmp-client.ts'
import { openSession } from '../testing/session-reader.ts'
import { readTaggedFrame } from '../source/video-frame.ts'

const KEYS = Array.from({ length: 20 }, (_, i) => `stream-key-${i}`)
const freeKeys = [...KEYS]

let clip: FlvClip
let gateway: IngestGateway
let worker: TestIngestWorker
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 6 })
  gateway = await startIngestGateway({ keys: KEYS })
  worker = await startIngestWorker(gateway.origin)
})
afterAll(async () => {
  await worker[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  await clip[Symbol.asyncDispose]()
})

async function startBroadcast(key = freeKeys.pop() ?? '') {
  const client = await publishPatiently(key)
  const source = gateway.requests().findLast((request) => request.key_hash === hashText(key))?.source
  if (source === undefined) throw new Error('the gateway has no request')
  return { key, client, source, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() }
}

/** Publishes until it is accepted: on a busy machine the ingest does not have the gateway's answer within its two seconds. */
async function publishPatiently(key: string): Promise<RtmpClient> {
  for (;;) {
    const client = await openPublisher(worker.rtmpPort, key)
    const hasStarted = () => client.statuses().some(({ code }) => code === 'NetStream.Publish.Start')
    await until(() => hasStarted() || client.isClosed(), 'the ingest decides')
    if (hasStarted()) return client
    await client[Symbol.asyncDispose]()
  }
}

const framesBy = (media: readonly RtmpMessage[]) =>
  media.map(({ type, body }): FlvTag => ({ type, body, timestampMs: 0 })).filter(isFrame)
const bodiesOf = (tags: readonly FlvTag[]) => tags.map(({ body }) => body.toString('base64'))
function clipFrom(fromMs: number, tags = clip.tags): readonly string[] {
  const first = tags.findIndex((tag) => readTaggedFrame(tag)?.isKey === true && tag.timestampMs >= fromMs)
  return bodiesOf(tags.slice(first).filter(isFrame))
}
function splitClip(atMs: number): readonly [readonly FlvTag[], readonly FlvTag[]] {
  const at = clip.tags.findIndex((tag) => isFrame(tag) && tag.timestampMs >= atMs)
  return [clip.tags.slice(0, at), clip.tags.slice(at)]
}

const receivesAll = (server: PlatformServer, at: number, frames: readonly string[]) =>
  server.waitForMedia(at, (media) => framesBy(media).length >= frames.length)

describe.concurrent('the push of a broadcast to other platforms', () => {
  test('a platform receives every frame from a key frame on, byte for byte, with its headers, from time 0', async () => {
    await using broadcast = await startBroadcast()
    await using platform = await startPlatform()
    await using push = startPush(() => broadcast.source)
    const [start, rest] = splitClip(500)
    publish(broadcast.client, start)
    const order = orderFor(platform.port)
    push.targets.apply([order])
    await push.waitFor(order.target_id, 'live')
    publish(broadcast.client, rest)
    const wanted = clipFrom(500)
    const { key, media } = await receivesAll(platform, 0, wanted)
    expect(key).toBe(SECRET)
    expect(bodiesOf(framesBy(media))).toEqual(wanted)
    expect(media.slice(0, 3).map(({ type, timestamp }) => [type, timestamp])).toEqual([
      [TAG_TYPE.video, 0],
      [TAG_TYPE.audio, 0],
      [TAG_TYPE.video, 0],
    ])
    expect(push.states).toEqual(['waiting', 'connecting', 'live'])
    const sent = media.reduce((sum, { body }) => sum + body.length, 0)
    expect(push.find(order.target_id)?.bytes_sent).toBeGreaterThan(sent)
    expect(push.find(order.target_id)?.bit_rate_kbps).toBeGreaterThan(0)
    expect(push.lines.join('\n')).not.toContain(SECRET)
  })

  test('a platform that refuses, and one that cannot be reached, touch neither the others nor the broadcast', async () => {
    await using broadcast = await startBroadcast()
    await using refusing = await startPlatform({ refuse: (key) => `the key ${key} is not known` })
    await using platform = await startPlatform()
    const gone = await startPlatform()
    await gone[Symbol.asyncDispose]()
    await using push = startPush(() => broadcast.source)
    const [start, rest] = splitClip(500)
    publish(broadcast.client, start)
    const orders = [refusing, gone, platform].map(({ port }) => orderFor(port))
    const [first, second, third] = orders.map((order) => order.target_id)
    push.targets.apply(orders)
    await push.waitFor(third ?? '', 'live')
    const refused = await push.waitFor(first ?? '', 'failed')
    expect(refused).toMatchObject({
      problem: 'key_refused',
      reason: 'the platform refuses the stream key: the key … is not known',
    })
    expect(await push.waitFor(second ?? '', 'retrying')).toMatchObject({
      problem: 'unreachable',
      reason: 'the server does not accept a connection: ECONNREFUSED',
    })
    publish(broadcast.client, rest)
    const { media } = await receivesAll(platform, 0, clipFrom(500))
    expect(bodiesOf(framesBy(media))).toEqual(clipFrom(500))
    await until(() => refusing.attemptsMs.length >= 3, 'the refused key is tried again')
    const [a = 0, b = 0, c = 0] = refusing.attemptsMs
    expect(b - a).toBeGreaterThan(700)
    expect(c - b).toBeGreaterThan(b - a)
    await using reader = await openSession(broadcast.source, 0)
    await reader.waitForTags((tags) => framesOf(tags).length === framesOf(clip.tags).length)
    expect(framesOf(reader.tags)).toEqual(framesOf(clip.tags))
  })

  test('a platform that comes back receives the broadcast from the next key frame on', async () => {
    await using broadcast = await startBroadcast()
    const first = await startPlatform()
    await using push = startPush(() => broadcast.source)
    const [start, rest] = splitClip(500)
    const order = orderFor(first.port)
    publish(broadcast.client, start)
    push.targets.apply([order])
    await push.waitFor(order.target_id, 'live')
    await first[Symbol.asyncDispose]()
    expect(await push.waitFor(order.target_id, 'retrying')).toMatchObject({ problem: expect.any(String) })
    await using second = await startPlatform({ port: first.port })
    await push.waitFor(order.target_id, 'live')
    publish(broadcast.client, rest)
    const { media } = await receivesAll(second, 0, clipFrom(500))
    expect(bodiesOf(framesBy(media))).toEqual(clipFrom(500))
    expect(media.find(({ type }) => type === TAG_TYPE.video)?.timestamp).toBe(0)
    expect(push.find(order.target_id)).toMatchObject({ state: 'live', problem: null, reason: null })
  })

  test('the next encoder of a broadcast is pushed in a new publication', async () => {
    await using broadcast = await startBroadcast()
    await using platform = await startPlatform()
    let source: IngestSource | null = broadcast.source
    await using push = startPush(() => source)
    publish(broadcast.client, splitClip(500)[0])
    const order = orderFor(platform.port)
    push.targets.apply([order])
    await push.waitFor(order.target_id, 'live')
    broadcast.client.command('deleteStream', null, 1)
    expect(await push.waitFor(order.target_id, 'waiting')).toMatchObject({ problem: null, bit_rate_kbps: 0 })
    await until(() => platform.publications[0]?.isClosed === true, 'the connection is closed')
    // The broadcast goes on, perhaps: the platform is not to end it.
    expect(platform.publications[0]?.isUnpublished).toBe(false)
    await using next = await startBroadcast(broadcast.key)
    source = next.source
    const [start, rest] = splitClip(500)
    publish(next.client, start)
    await push.waitFor(order.target_id, 'live')
    publish(next.client, rest)
    const { media } = await receivesAll(platform, 1, clipFrom(500))
    expect(bodiesOf(framesBy(media))).toEqual(clipFrom(500))
  })

  test('a target that is removed ends on its platform; one that is named again without its key goes on', async () => {
    await using broadcast = await startBroadcast()
    await using platform = await startPlatform()
    await using push = startPush(() => broadcast.source)
    publish(broadcast.client, splitClip(500)[0])
    const orders = [orderFor(platform.port, { key: 'a' }), orderFor(platform.port, { key: 'b' })]
    push.targets.apply(orders)
    for (const order of orders) await push.waitFor(order.target_id, 'live')
    const [kept] = orders.slice(1)
    push.targets.apply([{ target_id: kept?.target_id ?? '', push: null }])
    const find = (key: string) => platform.publications.find((one) => one.key === key)
    await until(() => find('a')?.isUnpublished === true && find('a')?.isClosed === true, 'the first one has ended')
    expect(push.targets.describe()).toMatchObject([{ target_id: kept?.target_id, state: 'live' }])
    expect(find('b')?.isClosed).toBe(false)
  })

  test('a private address, a wrong address and a key that cannot be decrypted fail with the reason', async () => {
    await using broadcast = await startBroadcast()
    await using platform = await startPlatform()
    await using push = startPush(() => broadcast.source, { policy: { allowPrivateNetworks: false } })
    publish(broadcast.client, splitClip(500)[0])
    const named = { target_id: randomUUID(), push: { url: 'rtmp://localhost:1/live', key: SECRET } }
    const unreadable = { target_id: randomUUID(), push: { url: 'rtmp://live.example.com/live', key: null } }
    push.targets.apply([orderFor(platform.port), named, unreadable])
    expect(push.targets.describe()).toMatchObject([
      { state: 'failed', problem: 'address_forbidden', reason: expect.stringContaining('private address') },
      { state: 'failed', problem: 'address_forbidden' },
      { state: 'failed', problem: 'key_unreadable', reason: expect.stringContaining('INTERNAL_API_KEY') },
    ])
    expect(platform.attemptsMs).toEqual([])
  })

  test('a change of the policy ends a push to a private address, and another one begins it again', async () => {
    await using broadcast = await startBroadcast()
    await using platform = await startPlatform()
    const { policy, allowPrivateNetworks } = createPolicyKeeper()
    await using push = startPush(() => broadcast.source, { policy })
    publish(broadcast.client, splitClip(500)[0])
    const order = orderFor(platform.port)
    push.targets.apply([order])
    expect(push.targets.describe()).toMatchObject([{ state: 'failed', problem: 'address_forbidden' }])
    allowPrivateNetworks(true)
    push.targets.apply([order])
    await push.waitFor(order.target_id, 'live')
    allowPrivateNetworks(false)
    expect(await push.waitFor(order.target_id, 'failed')).toMatchObject({ problem: 'address_forbidden' })
    expect(platform.attemptsMs).toHaveLength(1)
    allowPrivateNetworks(true)
    await push.waitFor(order.target_id, 'live')
  })

  test('rtmps reaches a platform with a certificate that is trusted, and no other', async () => {
    const certificate = makeCertificate()
    await using broadcast = await startBroadcast()
    await using platform = await startPlatform({ tls: certificate })
    await using trusting = startPush(() => broadcast.source, { ca: certificate.cert })
    await using strict = startPush(() => broadcast.source)
    publish(broadcast.client, splitClip(500)[0])
    const order = orderFor(platform.port, { scheme: 'rtmps' })
    trusting.targets.apply([order])
    strict.targets.apply([order])
    await trusting.waitFor(order.target_id, 'live')
    expect(await strict.waitFor(order.target_id, 'failed')).toMatchObject({ problem: 'certificate' })
    publish(broadcast.client, splitClip(500)[1])
    const { media } = await receivesAll(platform, 0, clipFrom(500))
    expect(bodiesOf(framesBy(media))).toEqual(clipFrom(500))
  })
})

test('a platform that stops reading is cut and tried again, and holds up neither the others nor the reader', async () => {
  const noise = ['-vf', 'scale=640:360,noise=alls=100:allf=t', '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '8']
  await using heavy = await makeFlvClip({ sec: 4, video: [...noise, '-g', '25', '-pix_fmt', 'yuv420p'] })
  await using broadcast = await startBroadcast()
  await using stuck = await startPlatform({ stopsReading: true })
  await using platform = await startPlatform()
  await using push = startPush(() => broadcast.source, { limits: { ...MEANS.limits, bytes: 4 << 20 } })
  const at = heavy.tags.findIndex((tag) => isFrame(tag) && tag.timestampMs >= 100)
  publish(broadcast.client, heavy.tags.slice(0, at))
  const orders = [orderFor(stuck.port), orderFor(platform.port)]
  push.targets.apply(orders)
  for (const order of orders) await push.waitFor(order.target_id, 'live')
  const wanted = clipFrom(100, heavy.tags)
  const first = heavy.tags.findIndex((tag, i) => i > at && readTaggedFrame(tag)?.isKey === true)
  let sent = 0
  for (const [i, tag] of heavy.tags.entries()) {
    if (i < at) continue
    publish(broadcast.client, [tag])
    sent += i < first ? 0 : tag.body.length
    const received = () => (platform.publications[0]?.media ?? []).reduce((sum, { body }) => sum + body.length, 0)
    if (sent > 4 << 20) await until(() => received() > sent - (3 << 20), 'the platform follows')
  }
  const { media } = await receivesAll(platform, 0, wanted)
  expect(bodiesOf(framesBy(media))).toEqual(wanted)
  await until(() => stuck.attemptsMs.length >= 2, 'the platform is tried again')
  expect(push.lines.join('\n')).toContain('too_slow')
})
