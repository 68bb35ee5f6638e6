import { describe, expect, it } from 'vitest'

import { RUNTIMES, startGatewayOn } from '../testing/runtimes.ts'

function body(name: string) {
  return { stream_url: `http://127.0.0.1:9/${name}.m3u8`, callback_url: 'http://127.0.0.1:9/hook' }
}

describe.each(RUNTIMES)('limits on %s', (runtime) => {
  it('refuses more active monitors than MAX_MONITORS, however many come at once', async () => {
    await using gateway = await startGatewayOn(runtime, { MAX_MONITORS: '3' })
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => gateway.api('POST', '/api/v1/monitors', body(`max-${i}`))),
    )
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(3)
    const refused = answers.find((answer) => answer.status !== 201)
    expect([refused?.status, refused?.json.error.code]).toEqual([429, 'MAX_MONITORS_EXCEEDED'])
  })

  it('counts creations and reads apart, says what is left, and when to come again', async () => {
    await using gateway = await startGatewayOn(runtime, {
      RATE_LIMIT_WRITES_PER_MIN: '2',
      RATE_LIMIT_READS_PER_MIN: '3',
    })
    const reads = []
    for (let i = 0; i < 4; i++) reads.push(await gateway.api('GET', '/api/v1/monitors'))
    expect(reads.map((answer) => answer.status)).toEqual([200, 200, 200, 429])
    expect(reads[0]?.headers.get('ratelimit-limit')).toBe('3')
    expect(reads[0]?.headers.get('ratelimit-remaining')).toBe('2')
    expect(reads[3]?.json.error.code).toBe('RATE_LIMIT_EXCEEDED')
    expect(Number(reads[3]?.headers.get('retry-after'))).toBeGreaterThan(0)
    const write = await gateway.api('POST', '/api/v1/monitors', body('still-allowed'))
    expect(write.status).toBe(201)
  })
})

describe.each(RUNTIMES)('a client of %s without the key', (runtime) => {
  it('is limited by its address, whatever it tries, and in no way uses up what the key may do', async () => {
    await using gateway = await startGatewayOn(runtime, { RATE_LIMIT_READS_PER_MIN: '3' })
    const guesses = []
    for (let i = 0; i < 5; i++) {
      guesses.push(await gateway.api('GET', '/api/v1/monitors', undefined, { 'x-api-key': `guess-${i}` }))
    }
    expect(guesses.map(({ status }) => status)).toEqual([401, 401, 401, 429, 429])
    const spellings = ['Bearer', 'bearer  ', 'BEARER'].map((scheme) => `${scheme} test-api-key-0123456789`)
    const reads = []
    for (const authorization of [...spellings, 'Bearer   test-api-key-0123456789']) {
      reads.push(await fetch(`${gateway.url}/api/v1/monitors`, { headers: { authorization } }))
    }
    expect(reads.map(({ status }) => status)).toEqual([200, 200, 200, 429])
  })
})

describe.each(RUNTIMES)('private networks forbidden on %s', (runtime) => {
  it('refuses private addresses in every spelling, and starts nothing', async () => {
    await using gateway = await startGatewayOn(runtime, { ALLOW_PRIVATE_NETWORKS: 'false' })
    const hosts = [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '１２７.0.0.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '10.0.0.1',
      '192.168.1.1',
      '172.16.0.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
      '[fe80::1]',
      '[fc00::1]',
      '[64:ff9b::7f00:1]',
      'localhost',
      'LOCALHOST.',
      'metadata.google.internal',
      'printer.local',
      '255.255.255.255',
    ]
    for (const host of hosts) {
      const stream = await gateway.api('POST', '/api/v1/monitors', {
        stream_url: `http://${host}/a.m3u8`,
        callback_url: 'https://example.com/',
      })
      expect([host, stream.status, stream.json.error?.code]).toEqual([host, 400, 'INVALID_URL'])
      const callback = await gateway.api('POST', '/api/v1/monitors', {
        stream_url: 'https://example.com/a.m3u8',
        callback_url: `http://${host}/`,
      })
      expect([host, callback.status, callback.json.error?.code]).toEqual([host, 400, 'INVALID_URL'])
    }
    expect(await gateway.workers()).toEqual([])
  })
})
