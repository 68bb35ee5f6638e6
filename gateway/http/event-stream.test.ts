import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'

import { createOpenStreams, streamEvents, encodeFrame, type EventWriter } from './event-stream.ts'
import type { EventStreamHost } from '../ports/event-streams.ts'

const FRAME = encodeFrame({ id: 1, event: 'progress', data: '{}' })

/** Creates an app with one stream, and a function that waits for the end of its sources. */
function createStream(host: Partial<EventStreamHost>, source: (writer: EventWriter) => Promise<void>) {
  const held: Promise<void>[] = []
  const whole = {
    pingMs: 60_000,
    longestMs: 60_000,
    untilClosing: () => () => undefined,
    hold: (until: Promise<void>) => void held.push(until),
    ...host,
  }
  const app = new Hono().get('/', (c) => streamEvents(c, whole, source))
  return { app, ended: () => Promise.all(held) }
}

async function untilAborted({ signal }: EventWriter): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

describe('a stream of events', () => {
  it('sends a retry interval and all written events, and ends with its source', async () => {
    const { app, ended } = createStream({}, async ({ write }) => write(FRAME))
    const answer = await app.request('/')
    expect(await answer.text()).toBe('retry: 1000\n\nid: 1\nevent: progress\ndata: {}\n\n')
    await ended()
  })

  it('sends pings while nothing is written', async () => {
    const { app } = createStream({ pingMs: 5, longestMs: 60 }, untilAborted)
    expect(await (await app.request('/')).text()).toMatch(/^retry: 1000\n\n(?:: ping\n\n)+$/)
  })

  it('ends cleanly after its maximum duration', async () => {
    const { app, ended } = createStream({ longestMs: 20 }, untilAborted)
    expect(await (await app.request('/')).text()).toBe('retry: 1000\n\n')
    await ended()
  })

  it('ends cleanly when the gateway closes, and at once after that', async () => {
    const open = createOpenStreams()
    const { app, ended } = createStream({ untilClosing: open.untilClosing }, untilAborted)
    const answers = [await app.request('/'), await app.request('/')]
    open.close()
    for (const answer of [...answers, await app.request('/')])
      expect(await answer.text()).toMatch(/^(?:retry: 1000\n\n)?$/)
    await ended()
  })

  it('aborts its source when the client disconnects', async () => {
    const { app, ended } = createStream({}, untilAborted)
    const answer = await app.request('/')
    await answer.body?.cancel()
    await ended()
  })

  it('ends for a client that reads too slowly, after the events written so far', async () => {
    let written = 0
    const { app, ended } = createStream({}, async ({ write, signal }) => {
      while (!signal.aborted && written < 10_000) {
        write(FRAME)
        written++
      }
    })
    const answer = await app.request('/')
    await ended()
    expect(written).toBeLessThan(300)
    expect((await answer.text()).split('data: {}')).toHaveLength(written + 1)
  })

  it('runs no source for a HEAD request', async () => {
    let runs = 0
    const { app } = createStream({}, async () => void runs++)
    const answer = await app.request('/', { method: 'HEAD' })
    expect([answer.status, answer.headers.get('content-type'), runs]).toEqual([200, 'text/event-stream', 0])
  })
})
