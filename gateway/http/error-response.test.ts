import { Hono } from 'hono'
import { expect, test } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { BrokenRule, defineErrors, KERNEL_ERRORS } from '../errors.ts'
import { LauncherUnavailable } from '../ports/launcher.ts'
import { respondToErrors } from './error-response.ts'
import { readIdempotentCall } from './idempotency.ts'

const OWN_ERRORS = defineErrors({ QUEUE_FULL: 503, JOB_NOT_FOUND: 404 })

/** Sends a request whose handler throws this error; returns its status and the logged lines. */
async function respondAfter(error: Error) {
  const lines: { level: string; message: string; code: string }[] = []
  const log = createLog('gateway', 'debug', (line) => lines.push(JSON.parse(line)))
  const app = new Hono().onError(respondToErrors(log, (thrown) => thrown instanceof Error && thrown.message === 'gone'))
  app.get('/', () => {
    throw error
  })
  const { status } = await app.request('/')
  return { status, logged: lines.map(({ level, message, code }) => `${level}: ${message}, ${code}`) }
}

test.each([
  ['with the same Idempotency-Key', { 'idempotency-key': 'a' }],
  ['look for it before you repeat the call', {}],
])('a creation whose outcome is unknown says how to repeat it: %s', async (advice, headers) => {
  const app = new Hono().onError(
    respondToErrors(
      createLog('gateway', 'debug', () => {}),
      () => true,
    ),
  )
  app.post('/', async (c) => {
    await readIdempotentCall(c, 'POST /')
    throw new Error('gone')
  })
  const answer = await app.request('/', { method: 'POST', headers, body: '{}' })
  expect([answer.status, answer.headers.get('retry-after'), await answer.text()]).toEqual([
    503,
    '2',
    expect.stringContaining(advice),
  ])
})

test.each([
  [new BrokenRule(OWN_ERRORS.QUEUE_FULL, 'full'), 503, ['info: request refused, QUEUE_FULL']],
  [new BrokenRule(KERNEL_ERRORS.RATE_LIMIT_EXCEEDED, 'often'), 429, []],
  [new BrokenRule(OWN_ERRORS.JOB_NOT_FOUND, 'none'), 404, []],
])('a broken rule is refused and not logged as an error: %s', async (rule, status, logged) => {
  expect(await respondAfter(rule)).toEqual({ status, logged })
})

test.each([
  [new Error('gone'), 503, 'DATABASE_UNAVAILABLE'],
  [new LauncherUnavailable('gone too'), 503, 'LAUNCHER_UNAVAILABLE'],
  [new TypeError('a mistake'), 500, 'INTERNAL_ERROR'],
])('an unexpected failure is logged as an error: %s', async (error, status, code) => {
  expect(await respondAfter(error)).toEqual({ status, logged: [`error: request failed, ${code}`] })
})
