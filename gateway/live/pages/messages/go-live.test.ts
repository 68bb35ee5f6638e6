import { expect, it } from 'vitest'

import { KERNEL_ERRORS } from '../../../errors.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { GO_LIVE_MESSAGES } from './go-live.ts'

it.each([
  KERNEL_ERRORS.UNAUTHORIZED,
  KERNEL_ERRORS.FORBIDDEN,
  KERNEL_ERRORS.RATE_LIMIT_EXCEEDED,
  LIVE_ERRORS.INVALID_OFFER,
  LIVE_ERRORS.STREAM_NOT_FOUND,
  LIVE_ERRORS.PUBLISH_REFUSED,
  LIVE_ERRORS.CODEC_UNSUPPORTED,
  LIVE_ERRORS.STREAM_ENDED,
  LIVE_ERRORS.STREAM_TAKEN,
  LIVE_ERRORS.INGEST_UNAVAILABLE,
])('the refusal $code of a publication is in the language of the page', ({ code }) => {
  expect(GO_LIVE_MESSAGES.ja.refused(code, 'in English')).not.toMatch(/[a-z]/)
  expect(GO_LIVE_MESSAGES.en.refused(code, 'in English')).toBe('Not accepted: in English.')
})

it('a refusal without a known code is shown as it is, and said to be in English', () => {
  expect(GO_LIVE_MESSAGES.ja.refused(null, 'HTTP 502')).toContain('詳細（英語）：HTTP 502')
})
