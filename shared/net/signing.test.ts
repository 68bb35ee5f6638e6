import { createHmac } from 'node:crypto'

import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'

import {
  deriveWorkerToken,
  timingSafeEqual,
  signCallback,
  verifyCallback,
  verifyWebhook,
  signWebhookHeaders,
} from './signing.ts'

const KEY = 'a signing key of some length'
const BODY = '{"event_id":"evt-1","title":"Übertragung"}'
const NOW = Date.parse('2027-01-01T00:00:00Z')

describe('webhooks', () => {
  it('are signed as documented: HMAC-SHA256 of the timestamp, a dot and the raw body', async () => {
    const headers = signWebhookHeaders(KEY, 'evt-1', BODY, NOW)
    const timestamp = String(NOW / 1000)
    const expected = createHmac('sha256', KEY).update(`${timestamp}.${BODY}`).digest('hex')
    expect(headers).toMatchObject({ 'x-timestamp': timestamp, 'x-signature-256': `sha256=${expected}` })
  })

  it('pass an independent verifier of Standard Webhooks', async () => {
    const headers = signWebhookHeaders(KEY, 'evt-1', BODY, Date.now())
    expect(new Webhook(KEY, { format: 'raw' }).verify(BODY, headers)).toMatchObject({ event_id: 'evt-1' })
  })

  it('verify within five minutes, and not with another body, key or timestamp', async () => {
    const headers = signWebhookHeaders(KEY, 'evt-1', BODY, NOW)
    const message = { timestamp: headers['x-timestamp'], signature: headers['x-signature-256'], body: BODY }
    expect(verifyWebhook(KEY, message, NOW + 299_000)).toBe('valid')
    expect(verifyWebhook(KEY, message, NOW + 301_000)).toBe('clock_skew')
    expect(verifyWebhook(KEY, message, NOW - 301_000)).toBe('clock_skew')
    expect(verifyWebhook(KEY, { ...message, body: `${BODY} ` }, NOW)).toBe('bad_signature')
    expect(verifyWebhook('another key', message, NOW)).toBe('bad_signature')
    expect(verifyWebhook(KEY, { ...message, timestamp: `${NOW / 1000 + 1}` }, NOW)).toBe('bad_signature')
    expect(verifyWebhook(KEY, { ...message, signature: undefined }, NOW)).toBe('unsigned')
    expect(verifyWebhook(KEY, { ...message, timestamp: 'now' }, NOW)).toBe('bad_signature')
  })
})

describe("workers' callbacks", () => {
  const callback = { method: 'PUT', path: '/internal/v1/monitors/mon-1/status', body: BODY }

  it('verify for their own route, assignment and attempt only', async () => {
    const token = deriveWorkerToken('internal', 'monitor', 'mon-1')
    const timestamp = String(NOW / 1000)
    const signed = { timestamp, signature: signCallback(token, timestamp, callback) }
    expect(verifyCallback(token, callback, signed, NOW)).toBe('valid')
    expect(verifyCallback(token, { ...callback, path: '/internal/v1/monitors/mon-2/status' }, signed, NOW)).toBe(
      'bad_signature',
    )
    expect(verifyCallback(token, { ...callback, method: 'POST' }, signed, NOW)).toBe('bad_signature')
    const other = deriveWorkerToken('internal', 'monitor', 'mon-2')
    expect(verifyCallback(other, callback, signed, NOW)).toBe('bad_signature')
    const attempts = [1, 2].map((launch) => deriveWorkerToken('internal', 'job', 'job-1', `encode-job-1-${launch}`))
    expect(new Set([...attempts, deriveWorkerToken('internal', 'job', 'job-1')]).size).toBe(3)
  })
})

describe('the comparison of keys', () => {
  it.each([
    ['same', 'same', true],
    ['same', 'sama', false],
    ['same', 'same+', false],
    ['', '', true],
    ['', 'x', false],
    ['x', '', false],
  ])('of %j and %j is %s', (a, b, equal) => {
    expect(timingSafeEqual(a, b)).toBe(equal)
  })
})
