import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { CreateBucketCommand } from '@aws-sdk/client-s3'

import { createS3Client } from '../../stores/s3-client.ts'

/** A running S3 implementation with a bucket. */
export type Swift = AsyncDisposable & {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

const CREDENTIALS = { accessKeyId: 'studio:worker', secretAccessKey: 'correct-horse' }
const REGION = 'us-east-1'
const BUCKET = 'media'

/** Debian's Python, which has Debian's modules. */
const PYTHON = '/usr/bin/python3'

/** Starts OpenStack Swift with its S3 API (Debian's python3-swift) on a free port of 127.0.0.1. */
export async function startSwift(): Promise<Swift> {
  const dir = await mkdtemp(join(tmpdir(), 'swift-'))
  const script = fileURLToPath(new URL('serve.py', import.meta.url))
  const { PATH } = process.env
  const server = spawn(PYTHON, ['-B', script, dir, CREDENTIALS.accessKeyId, CREDENTIALS.secretAccessKey], {
    env: { PATH },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(server, 'exit')
  const started = once(createInterface(server.stdout), 'line')
  const [port] = await Promise.race([started, exited.then(() => Promise.reject(new Error('Swift did not start')))])
  const endpoint = `http://127.0.0.1:${port}`
  const place = { bucket: BUCKET, region: REGION, endpoint, credentials: CREDENTIALS }
  const client = createS3Client({ ...place, publicUrl: null })
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  client.destroy()
  return {
    ...place,
    async [Symbol.asyncDispose]() {
      server.stdin.end()
      await exited
      await rm(dir, { recursive: true, force: true })
    },
  }
}
