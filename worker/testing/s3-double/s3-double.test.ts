import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test } from 'vitest'

import { type S3DoubleOptions, startS3Double } from './s3-double.ts'

async function createFixture(options: S3DoubleOptions = {}) {
  const double = await startS3Double(options)
  onTestFinished(() => double[Symbol.asyncDispose]())
  const { endpoint, region, credentials } = double
  const clientWith = (more: object) => {
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1, ...more })
    onTestFinished(() => client.destroy())
    return client
  }
  return { double, clientWith }
}

const ITEM = { Bucket: 'media', Key: 'a b/ü+%.txt' }

test('stores and returns an object for correctly signed requests', async () => {
  const { clientWith } = await createFixture()
  const client = clientWith({ requestChecksumCalculation: 'WHEN_REQUIRED' })
  await client.send(new PutObjectCommand({ ...ITEM, Body: 'hello', ContentType: 'text/plain' }))
  const { Body, ContentType } = await client.send(new GetObjectCommand({ ...ITEM, Range: 'bytes=1-3' }))
  expect([await Body?.transformToString(), ContentType]).toEqual(['ell', 'text/plain'])
})

test('refuses a wrong key, a wrong secret, a missing signature, an old one and a changed body', async () => {
  const { double, clientWith } = await createFixture()
  const { accessKeyId, secretAccessKey } = double.credentials
  const list = (more: object) => clientWith(more).send(new ListObjectsV2Command({ Bucket: 'media' }))
  await expect(list({ credentials: { accessKeyId: 'other', secretAccessKey } })).rejects.toThrow('InvalidAccessKeyId')
  await expect(list({ credentials: { accessKeyId, secretAccessKey: 'x' } })).rejects.toThrow('SignatureDoesNotMatch')
  await expect(list({ systemClockOffset: -3_600_000 })).rejects.toThrow('RequestTimeTooSkewed')
  expect((await fetch(`${double.endpoint}/media/a`)).status).toBe(403)

  const client = clientWith({})
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign(args.request as object, { body: 'other' })
      return next(args)
    },
    { step: 'finalizeRequest', priority: 'low' },
  )
  await expect(client.send(new PutObjectCommand({ ...ITEM, Body: 'right' }))).rejects.toThrow('ContentSHA256Mismatch')
  expect(double.objects.size).toBe(0)
})

test('allows reads from any origin, and nothing else, where it is public', async () => {
  const { double, clientWith } = await createFixture({ isPublic: true })
  await clientWith({}).send(new PutObjectCommand({ Bucket: 'media', Key: 'a.txt', Body: 'hello' }))
  const answer = await fetch(`${double.endpoint}/media/a.txt`, { headers: { range: 'bytes=0-1' } })
  expect([answer.status, answer.headers.get('access-control-allow-origin'), await answer.text()]).toEqual([
    206,
    '*',
    'he',
  ])
  expect((await fetch(`${double.endpoint}/media/a.txt`, { method: 'DELETE' })).status).toBe(403)
})
