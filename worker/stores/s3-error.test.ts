import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { fetchFromS3, StoreSettings } from './open-store.ts'
import { toStoreError } from './s3-error.ts'

const never = new AbortController().signal

test('a secret that a server quotes does not appear in the message', () => {
  const failure = toStoreError(new Error('you sent hush-hush, which is hush-hush'), never, ['hush-hush'])
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
])('classifies %j as %s', (error, code) => {
  expect(toStoreError(error, never, [])).toMatchObject({ code })
})

describe('without settings for S3, a download', () => {
  const nothing = v.parse(StoreSettings, {})
  const source = { url: 's3://bucket/in.mp4', path: '/nonexistent/in.mp4', maxBytes: 1 }
  beforeEach(() => {
    for (const name of Object.keys(process.env).filter((key) => key.startsWith('AWS_'))) vi.stubEnv(name, undefined)
    for (const file of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(file, '/nonexistent')
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  })
  afterEach(() => void vi.unstubAllEnvs())

  test.each([
    [{}, 'S3_REGION'],
    [{ S3_REGION: 'eu-west-1' }, 'S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY'],
  ])('fails permanently, and with %j names the missing setting', async (set, named) => {
    const failure = await fetchFromS3({ ...nothing, ...set }, source, never).catch((error: unknown) => error)
    expect(failure).toMatchObject({ isTransient: false, message: expect.stringContaining(named) })
  })
})
