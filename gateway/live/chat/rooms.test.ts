import { expect, test } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { createSessionWatch } from '../accounts/session-watch.ts'
import { createAccessChecks } from '../playback/access-checks.ts'
import type { ChatReader } from './reader.ts'
import { createChatRooms } from './rooms.ts'

const READERS = 20_000

test('a gateway has a limited number of readers: a further one joins once another has left', async () => {
  await using gateway = await startTestGateway()
  const { context } = gateway.gateway
  const followed = { follow: () => () => undefined }
  const rooms = createChatRooms(context, {
    followed,
    checks: createAccessChecks(context.db),
    sessions: createSessionWatch(context),
  })
  const createReader = (): ChatReader => ({
    viewer: null,
    begin: () => undefined,
    send: () => undefined,
    isSlow: () => false,
    end: () => undefined,
  })
  const id = newUuid()
  const leaving = Array.from({ length: READERS }, () => rooms.join(id, createReader(), null))
  expect(leaving).not.toContain(null)
  expect(rooms.join(newUuid(), createReader(), null)).toBeNull()
  leaving[0]?.()
  leaving[0]?.()
  const last = rooms.join(id, createReader(), null)
  expect([last, rooms.join(id, createReader(), null)]).toEqual([expect.any(Function), null])
  for (const leave of [...leaving, last]) leave?.()
})
