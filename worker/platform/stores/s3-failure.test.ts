import { expect, test } from 'vitest'

import { s3Failure } from './s3-failure.ts'

const never = new AbortController().signal

test('a server that quotes our secret does not get it into a message', () => {
  const failure = s3Failure(new Error('you sent hush-hush, which is hush-hush'), never, ['hush-hush'])
  expect(failure.message).toBe('S3: Error: you sent …, which is …')
})

test.each([
  [Object.assign(new Error('x'), { code: 'ENOSPC' }), 'ENOSPC'],
  [Object.assign(new Error('x'), { code: 'ENOENT' }), 'STORE_REFUSED'],
  [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'STORE_UNAVAILABLE'],
  [Object.assign(new Error('x'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'STORE_REFUSED'],
  [Object.assign(new Error('x'), { $metadata: { httpStatusCode: 507 } }), 'ENOSPC'],
  [Object.assign(new Error('x'), { $metadata: { httpStatusCode: 429 } }), 'STORE_UNAVAILABLE'],
  [Object.assign(new Error('x'), { $metadata: { httpStatusCode: 200 } }), 'STORE_UNAVAILABLE'],
  ['not an error', 'STORE_UNAVAILABLE'],
])('tells %j as %s', (error, code) => {
  expect(s3Failure(error, never, [])).toMatchObject({ code })
})
