import { Agent, get } from 'node:http'

import { Hono } from 'hono'
import { expect, test } from 'vitest'

import { listen } from './http-server.ts'

test('a client that keeps its connection, and whose answer ends late, does not hold up a server that closes', async () => {
  let finish = () => {}
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('begun'))
      finish = () => controller.close()
    },
  })
  const server = await listen(
    new Hono().get('/', (c) => c.body(body)),
    { host: '127.0.0.1', port: 0 },
  )
  const agent = new Agent({ keepAlive: true })
  await new Promise<void>((resolve) => {
    get({ host: '127.0.0.1', port: server.port, agent }, (answer) => answer.on('data', () => resolve()))
  })
  const startedMs = performance.now()
  const closed = server.close(20_000)
  finish()
  await closed
  agent.destroy()
  expect(performance.now() - startedMs).toBeLessThan(4000)
})
