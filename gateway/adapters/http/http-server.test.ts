import { Agent, get } from 'node:http'

import { Hono } from 'hono'
import { expect, test } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { listen } from './http-server.ts'

test('a closing server does not wait for a keep-alive client whose response ends late', async () => {
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
  // It would wait for longer than any test.
  const closed = server.close(10 * PATIENCE_MS)
  finish()
  await expect(closed).resolves.toBeUndefined()
  agent.destroy()
})
