import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

import { expect, test } from 'vitest'

import { ACCEPTED, startFakeGateway, type GatewayAnswer } from '../testing/fake-gateway.ts'
import { startWorker } from '../../shared/testing/worker-process.ts'
import { monitorEnv } from '../testing/worker-environments.ts'
import { startHealthServer } from './health-server.ts'

const CLAIMED: GatewayAnswer = {
  status: 200,
  body: { epoch: 1, resume: null, policy: { allow_private_networks: true, allow_any_site: false } },
}

/** Returns the status of a probe's response; `null` where the port is closed. */
async function probe(port: number, path: string): Promise<number | null> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null)
  await answer?.arrayBuffer()
  return answer?.status ?? null
}

/** Occupies a port until the result is disposed of. */
async function occupyPort() {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')) }
}

async function findFreePort(): Promise<number> {
  await using occupied = await occupyPort()
  return occupied.port
}

test('the server is live from its start, and ready while isReady returns true', async () => {
  let isReady = false
  await using server = await startHealthServer(0, () => isReady)
  const get = (path: string) => probe(server.port, path)
  expect([await get('/healthz'), await get('/readyz'), await get('/readyz?verbose')]).toEqual([200, 503, 503])
  isReady = true
  expect([await get('/readyz'), await get('/'), await get('/metrics')]).toEqual([200, 404, 404])
  const posted = await fetch(`http://127.0.0.1:${server.port}/healthz`, { method: 'POST', body: 'x' })
  expect(posted.status).toBe(404)
})

test('a worker is ready from its claim until it is stopped, and live until it exits', async () => {
  let answerClaim: (answer: GatewayAnswer) => void = () => {}
  const claimed = new Promise<GatewayAnswer>((resolve) => {
    answerClaim = resolve
  })
  let answerReport: (answer: GatewayAnswer) => void = () => {}
  const reported = new Promise<GatewayAnswer>((resolve) => {
    answerReport = resolve
  })
  await using gateway = await startFakeGateway((call) => (call.path.endsWith('/claim') ? claimed : reported))
  const port = await findFreePort()
  const env = { HEALTH_PORT: String(port) }
  await using worker = startWorker(monitorEnv(gateway.origin, `${gateway.origin}/nothing/live.m3u8`, env))
  await gateway.waitFor((calls) => calls.length > 0)
  expect([await probe(port, '/healthz'), await probe(port, '/readyz')]).toEqual([200, 503])
  answerClaim(CLAIMED)
  await gateway.waitFor((calls) => calls.some(({ path }) => path.endsWith('/status')))
  expect([await probe(port, '/healthz'), await probe(port, '/readyz')]).toEqual([200, 200])
  worker.kill('SIGTERM')
  await expect.poll(() => probe(port, '/readyz')).toBe(503)
  expect(await probe(port, '/healthz')).toBe(200)
  answerReport(ACCEPTED)
  expect(await worker.exited).toEqual({ code: 0, signal: null })
  expect(await probe(port, '/healthz')).toBeNull()
})

test('an invalid or occupied HEALTH_PORT ends the worker with exit code 2 and a message that names it', async () => {
  await using occupied = await occupyPort()
  const wrong = [String(occupied.port), '65536', 'http']
  const exits = await Promise.all(wrong.map(readExitOfWorkerAt))
  expect(exits).toEqual(
    wrong.map(() => [
      2,
      'error',
      'invalid environment',
      expect.stringMatching(/^HEALTH_PORT/),
      expect.stringMatching(/mon-/),
    ]),
  )
})

/** Returns the exit code of a worker with this HEALTH_PORT, and its last log line. */
async function readExitOfWorkerAt(port: string): Promise<unknown[]> {
  const env = { HEALTH_PORT: port }
  await using worker = startWorker(monitorEnv('http://127.0.0.1:9', 'http://127.0.0.1:9/a.m3u8', env))
  const { code } = await worker.exited
  const { level, message, problem, worker: name, monitor_id } = JSON.parse(worker.lines.at(-1) ?? '{}')
  return [code, level, message, problem, monitor_id ?? name]
}

test('a worker without HEALTH_PORT listens on no port', async () => {
  await using gateway = await startFakeGateway((call) => (call.path.endsWith('/claim') ? CLAIMED : ACCEPTED))
  await using worker = startWorker(monitorEnv(gateway.origin, `${gateway.origin}/nothing/live.m3u8`))
  await gateway.waitFor((calls) => calls.some(({ path }) => path.endsWith('/status')))
  expect(await findListeningPorts(worker.pid)).toEqual([])
})

/** Returns the TCP ports on which a process listens, from proc(5). */
async function findListeningPorts(pid: number): Promise<string[]> {
  const { readdir, readFile, readlink } = await import('node:fs/promises')
  const links = await Promise.all(
    (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
  )
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []))
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8')))
  const rows = tables.flatMap((table) => table.trim().split('\n').slice(1)).map((row) => row.trim().split(/\s+/))
  return rows.flatMap(([, local = '', , state, , , , , , inode = '']) =>
    state === '0A' && own.has(inode) ? [local] : [],
  )
}
