import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

import { expect, test } from 'vitest'

import { ACCEPTED, startFakeGateway, type Answer } from '../testing/fake-gateway.ts'
import { monitorEnv, startWorker } from '../testing/worker-process.ts'
import { startHealthServer } from './health-server.ts'

const CLAIMED: Answer = {
  status: 200,
  body: { epoch: 1, resume: null, policy: { allow_private_networks: true, allow_any_site: false } },
}

/** What a probe gets: the answer's status, or `null` where nobody listens. */
async function probe(port: number, path: string): Promise<number | null> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null)
  await answer?.arrayBuffer()
  return answer?.status ?? null
}

/** A port that is taken by somebody else until this is disposed of. */
async function takePort() {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')) }
}

async function freePort(): Promise<number> {
  await using taken = await takePort()
  return taken.port
}

test('it lives while it answers, and is ready while it says so', async () => {
  let isReady = false
  await using server = await startHealthServer(0, () => isReady)
  const ask = (path: string) => probe(server.port, path)
  expect([await ask('/healthz'), await ask('/readyz'), await ask('/readyz?verbose')]).toEqual([200, 503, 503])
  isReady = true
  expect([await ask('/readyz'), await ask('/'), await ask('/metrics')]).toEqual([200, 404, 404])
  const posted = await fetch(`http://127.0.0.1:${server.port}/healthz`, { method: 'POST', body: 'x' })
  expect(posted.status).toBe(404)
})

test(
  'a worker is ready from its claim until it is told to stop, and lives all the time',
  { timeout: 60_000 },
  async () => {
    let claims: (answer: Answer) => void = () => {}
    const claimed = new Promise<Answer>((resolve) => {
      claims = resolve
    })
    let report: (answer: Answer) => void = () => {}
    const reported = new Promise<Answer>((resolve) => {
      report = resolve
    })
    await using gateway = await startFakeGateway((call) => (call.path.endsWith('/claim') ? claimed : reported))
    const port = await freePort()
    const env = { HEALTH_PORT: String(port) }
    await using worker = startWorker(monitorEnv(gateway.origin, `${gateway.origin}/nothing/live.m3u8`, env))
    await gateway.waitFor((calls) => calls.length > 0)
    expect([await probe(port, '/healthz'), await probe(port, '/readyz')]).toEqual([200, 503])
    claims(CLAIMED)
    await gateway.waitFor((calls) => calls.some(({ path }) => path.endsWith('/status')))
    expect([await probe(port, '/healthz'), await probe(port, '/readyz')]).toEqual([200, 200])
    worker.kill('SIGTERM')
    await expect.poll(() => probe(port, '/readyz')).toBe(503)
    expect(await probe(port, '/healthz')).toBe(200)
    report(ACCEPTED)
    expect(await worker.exited).toEqual({ code: 0, signal: null })
    expect(await probe(port, '/healthz')).toBeNull()
  },
)

test('a port that cannot be had is a wrong environment, told by its name', { timeout: 60_000 }, async () => {
  await using taken = await takePort()
  const wrong = [String(taken.port), '65536', 'http']
  const said = await Promise.all(wrong.map(whatStopsWorkerAt))
  expect(said).toEqual(
    wrong.map(() => [
      2,
      'error',
      'wrong environment',
      expect.stringMatching(/^HEALTH_PORT/),
      expect.stringMatching(/mon-/),
    ]),
  )
})

/** The exit code and the last words of a worker with this HEALTH_PORT, and whose they are. */
async function whatStopsWorkerAt(port: string): Promise<unknown[]> {
  const env = { HEALTH_PORT: port }
  await using worker = startWorker(monitorEnv('http://127.0.0.1:9', 'http://127.0.0.1:9/a.m3u8', env))
  const { code } = await worker.exited
  const { level, message, problem, worker: name, monitor_id } = JSON.parse(worker.lines.at(-1) ?? '{}')
  return [code, level, message, problem, monitor_id ?? name]
}

test('without HEALTH_PORT a worker listens nowhere', async () => {
  await using gateway = await startFakeGateway((call) => (call.path.endsWith('/claim') ? CLAIMED : ACCEPTED))
  await using worker = startWorker(monitorEnv(gateway.origin, `${gateway.origin}/nothing/live.m3u8`))
  await gateway.waitFor((calls) => calls.some(({ path }) => path.endsWith('/status')))
  expect(await listeningPortsOf(worker.pid)).toEqual([])
})

/** The TCP ports on which a process listens, by proc(5). */
async function listeningPortsOf(pid: number): Promise<string[]> {
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
