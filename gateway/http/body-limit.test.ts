import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../testing/runtimes.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'

describe.each(RUNTIMES)('bodies on %s', (runtime) => {
  let gateway: RuntimeGateway
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime)
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  it.each([
    ['with Content-Length', true],
    ['chunked', false],
  ])(
    'that are too large (%s) are refused with a response that the client receives',
    async (_, hasLength) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const post = async (bytes: number) => {
        const length = hasLength ? { 'content-length': bytes } : { 'transfer-encoding': 'chunked' }
        const headers = { 'x-api-key': TEST_KEYS.API_KEY, 'content-type': 'application/json', ...length }
        const call = request(`${gateway.url}/api/v1/monitors`, { method: 'POST', agent, headers })
        call.end('{}'.padEnd(bytes))
        const [answer] = (await once(call, 'response')) as [IncomingMessage]
        await once(answer.resume(), 'end')
        return [answer.statusCode, call.reusedSocket]
      }
      expect(await post(2)).toEqual([400, false])
      expect(await post(64 * 1024)).toEqual([400, true])
      for (const bytes of [64 * 1024 + 1, 1_500_000, 100_000, 1_500_000]) {
        expect(await post(bytes)).toEqual([413, true])
        expect(await post(2)).toEqual([400, true])
      }
      // A body this long closes its connection, but only after the response.
      for (let i = 0; i < 2; i++) {
        expect((await post(20_000_000))[0]).toBe(413)
        expect((await post(2))[0]).toBe(400)
      }
      agent.destroy()
    },
    60_000,
  )
})
