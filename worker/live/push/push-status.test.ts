import { expect, test } from 'vitest'

import { afterAcceptance, afterAttempt, afterPushFailure, WAITING } from './push-status.ts'

const refused = { problem: 'key_refused', reason: 'the platform refuses the stream key' }
const lost = { problem: 'closed', reason: 'the platform closed the connection' }

test('what the owner has to mend is a failure, all else is retried; both stay on show until the platform accepts', () => {
  const connecting = afterAttempt(WAITING)
  expect(connecting.state).toBe('connecting')
  const failed = afterPushFailure(connecting, refused, 0)
  expect(failed).toEqual({ state: 'failed', failure: refused, failures: 1 })
  expect(afterAttempt(failed)).toEqual(failed)
  expect(afterPushFailure(failed, lost, 0)).toEqual({ state: 'retrying', failure: lost, failures: 2 })
  expect(afterAcceptance(failed)).toEqual({ state: 'live', failure: null, failures: 1 })
})

test('a platform that accepts and closes at once is retried ever more slowly; after a long time on air, quickly', () => {
  const often = { ...WAITING, failures: 5 }
  expect(afterPushFailure(afterAcceptance(often), lost, 2000).failures).toBe(6)
  expect(afterPushFailure(afterAcceptance(often), lost, 60_000).failures).toBe(1)
})
