import { Hono } from 'hono'
import { expect, it } from 'vitest'

import { deadlineOf, limitDuration } from './deadline.ts'

/** Serves requests that wait for `work`, with at most `ms` of time. */
function createApp(ms: number, work: (deadline: () => AbortSignal) => Promise<void>) {
  const app = new Hono()
  app.use(limitDuration(ms))
  return app.get('/', async (c) => {
    await work(() => deadlineOf(c))
    return c.text('done')
  })
}

it('a request that takes too long is answered 503, and what it waits for ends', async () => {
  const ended: boolean[] = []
  const app = createApp(20, async (deadline) => {
    await new Promise((resolve) => deadline().addEventListener('abort', resolve))
    ended.push(deadline().aborted)
  })
  expect((await app.request('/')).status).toBe(503)
  await expect.poll(() => ended).toEqual([true])
})

it('what a request begins after its time ends at once', async () => {
  const answered = new EventTarget()
  const ended: boolean[] = []
  const app = createApp(20, async (deadline) => {
    await new Promise((resolve) => answered.addEventListener('yes', resolve))
    ended.push(deadline().aborted)
  })
  expect((await app.request('/')).status).toBe(503)
  answered.dispatchEvent(new Event('yes'))
  await expect.poll(() => ended).toEqual([true])
})

it('what a request waits for ends when its client leaves', async () => {
  const client = new AbortController()
  const signals: AbortSignal[] = []
  const app = createApp(60_000, async (deadline) => void signals.push(deadline()))
  await app.request('/', { signal: client.signal })
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  client.abort()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true])
})
