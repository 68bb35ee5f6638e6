import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { EnvironmentError } from '../../environment.ts'
import { startTcpServer } from '../../platform/tcp-server.ts'
import { openPort } from './open-port.ts'

function open(port: number) {
  const options = { host: '127.0.0.1', port, tls: null, maxConnections: 1, admit: () => null, onConnection: () => {} }
  return startTcpServer(options)
}

test('the usual port is taken where it is free; otherwise any free one, with a warning', async () => {
  const lines: string[] = []
  const log = createLog('test', 'warn', (line) => void lines.push(line))
  await using taken = await open(0)
  await using server = await openPort({ variable: 'RTMP_PORT', chosen: undefined, usual: taken.port }, open, log)
  expect(server.port).not.toBe(taken.port)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ variable: 'RTMP_PORT', port: taken.port }])
  await taken[Symbol.asyncDispose]()
  await using free = await openPort({ variable: 'RTMP_PORT', chosen: undefined, usual: taken.port }, open, log)
  expect(free.port).toBe(taken.port)
})

test('a chosen port that is taken is an error that names its variable', async () => {
  const log = createLog('test', 'error', () => {})
  await using taken = await open(0)
  const opening = openPort({ variable: 'RTMP_PORT', chosen: taken.port, usual: 1935 }, open, log)
  await expect(opening).rejects.toThrow(EnvironmentError)
  await expect(opening).rejects.toThrow(`RTMP_PORT cannot be bound: listen EADDRINUSE`)
})
