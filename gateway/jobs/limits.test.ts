import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../testing/runtimes.ts'

const INPUT = 'http://127.0.0.1:9/in.mp4'

function body(path: string, more: object = {}) {
  return { input_url: INPUT, preset: '720p_h264', output: { storage: 's3', path }, ...more }
}

describe.each(RUNTIMES)('a job where private networks are forbidden, on %s,', (runtime) => {
  let gateway: RuntimeGateway
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime, { ALLOW_PRIVATE_NETWORKS: 'false' })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  it.each([
    'http://127.0.0.1/a.mp4',
    'http://2130706433/a.mp4',
    'http://0x7f.1/a.mp4',
    'http://[::ffff:127.0.0.1]/a.mp4',
    'http://１２７.0.0.1/a.mp4',
    'http://10.1.2.3/a.mp4',
    'http://169.254.169.254/latest/meta-data/a.mp4',
    'http://[fd00:ec2::254]/a.mp4',
    'http://localhost:9/a.mp4',
    'http://metadata.google.internal/a.mp4',
  ])('is refused with FORBIDDEN_URL for input or callback %s', async (url) => {
    for (const wrong of [{ input_url: url }, { input_url: 'https://example.com/a.mp4', callback_url: url }]) {
      const answer = await gateway.api('POST', '/api/v1/jobs', body('forbidden.mp4', wrong))
      expect([answer.status, answer.json.error.code]).toEqual([400, 'FORBIDDEN_URL'])
    }
  })

  it('is accepted with an input in S3', async () => {
    const answer = await gateway.api('POST', '/api/v1/jobs', body('s3.mp4', { input_url: 's3://bucket/a.mp4' }))
    expect(answer.status).toBe(202)
  })
})

describe.each(RUNTIMES)('a job in a full queue, on %s,', (runtime) => {
  it('is refused with 503 and Retry-After, and is not stored', async () => {
    await using gateway = await startGatewayOn(runtime, { MAX_ENCODE_WORKERS: '1', MAX_QUEUED_JOBS: '2' })
    const posted = () => gateway.api('POST', '/api/v1/jobs', body('full.mp4'))
    const answers = []
    for (let tries = 0; answers.at(-1)?.status !== 503 && tries < 9; tries++) answers.push(await posted())
    const refused = answers.pop()
    expect(refused?.json.error.code).toBe('QUEUE_FULL')
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    const rows = await gateway.database.sql`select id from jobs`
    expect(rows).toHaveLength(answers.length)
  })
})
