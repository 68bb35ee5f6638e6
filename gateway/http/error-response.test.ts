import { Hono } from 'hono'
import { expect, test } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { BrokenRule } from '../errors.ts'
import { LauncherUnavailable } from '../workers/launcher.ts'
import { respondToErrors } from './error-response.ts'

/** How a request is answered whose handler throws this, and at which levels that is logged. */
async function answeredAfter(error: Error) {
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
  [new BrokenRule('QUEUE_FULL', 'full'), 503, ['info: request refused, QUEUE_FULL']],
  [new BrokenRule('RATE_LIMIT_EXCEEDED', 'often'), 429, []],
  [new BrokenRule('JOB_NOT_FOUND', 'none'), 404, []],
])('a refusal by a rule is no error of ours: %s', async (rule, status, logged) => {
  expect(await answeredAfter(rule)).toEqual({ status, logged })
})

test.each([
  [new Error('gone'), 503, 'DATABASE_UNAVAILABLE'],
  [new LauncherUnavailable('gone too'), 503, 'LAUNCHER_UNAVAILABLE'],
  [new TypeError('a mistake'), 500, 'INTERNAL_ERROR'],
])('what is broken is: %s', async (error, status, code) => {
  expect(await answeredAfter(error)).toEqual({ status, logged: [`error: request failed, ${code}`] })
})
