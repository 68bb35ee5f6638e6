import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'

import { createOpenStreams, eventStream, frameOf, type EventWriter, type StreamHost } from './event-stream.ts'

const FRAME = frameOf({ id: 1, event: 'progress', data: '{}' })

/** An app with one stream, and a promise of its end. */
function streamOf(host: Partial<StreamHost>, source: (writer: EventWriter) => Promise<void>) {
  const held: Promise<void>[] = []
  const whole = {
    pingMs: 60_000,
    longestMs: 60_000,
    untilClosing: () => () => undefined,
    hold: (until: Promise<void>) => void held.push(until),
    ...host,
  }
  const app = new Hono().get('/', (c) => eventStream(c, whole, source))
  return { app, ended: () => Promise.all(held) }
}

async function untilAborted({ signal }: EventWriter): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

describe('a stream of events', () => {
  it('says when to come back, sends what is written, and ends when there is no more', async () => {
    const { app, ended } = streamOf({}, async ({ write }) => write(FRAME))
    const answer = await app.request('/')
    expect(await answer.text()).toBe('retry: 1000\n\nid: 1\nevent: progress\ndata: {}\n\n')
    await ended()
  })

  it('gives signs of life while nothing is written', async () => {
    const { app } = streamOf({ pingMs: 5, longestMs: 60 }, untilAborted)
    expect(await (await app.request('/')).text()).toMatch(/^retry: 1000\n\n(?:: ping\n\n)+$/)
  })

  it('ends cleanly when it has lasted for long enough', async () => {
    const { app, ended } = streamOf({ longestMs: 20 }, untilAborted)
    expect(await (await app.request('/')).text()).toBe('retry: 1000\n\n')
    await ended()
  })

  it('ends cleanly when the gateway goes, and at once where it has gone', async () => {
    const open = createOpenStreams()
    const { app, ended } = streamOf({ untilClosing: open.untilClosing }, untilAborted)
    const answers = [await app.request('/'), await app.request('/')]
    open.close()
    for (const answer of [...answers, await app.request('/')])
      expect(await answer.text()).toMatch(/^(?:retry: 1000\n\n)?$/)
    await ended()
  })

  it('tells its source that the reader has left', async () => {
    const { app, ended } = streamOf({}, untilAborted)
    const answer = await app.request('/')
    await answer.body?.cancel()
    await ended()
  })

  it('leaves a reader who lets too much of it wait, with what was written before', async () => {
    let written = 0
    const { app, ended } = streamOf({}, async ({ write, signal }) => {
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

  it('has nothing behind an answer to HEAD, which nobody reads', async () => {
    let runs = 0
    const { app } = streamOf({}, async () => void runs++)
    const answer = await app.request('/', { method: 'HEAD' })
    expect([answer.status, answer.headers.get('content-type'), runs]).toEqual([200, 'text/event-stream', 0])
  })
})
