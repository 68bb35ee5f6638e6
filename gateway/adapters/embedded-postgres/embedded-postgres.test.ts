import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { expect, onTestFinished, test, vi } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts'
import { findInstalledBinaries, findPackagedBinaries, type PostgresBinaries } from './binaries.ts'
import { connectPostgres } from '../postgres/connect.ts'
import { readProcessStartTime } from '../process/process-identity.ts'
import { PATIENCE_MS, WAIT } from '../../../shared/testing/until.ts'

const log = createLog('test', 'error', () => undefined)
const installed = (await findInstalledBinaries()).slice(0, 1).map((binaries) => ['installed', binaries] as const)
const packaged = (await findPackagedBinaries()).map((binaries) => ['of the npm package', binaries] as const)

/** Creates a folder that only its owner may enter, like a folder below /root. */
async function createDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-embedded-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  return dataDir
}

function start(dataDir: string, binaries?: PostgresBinaries): Promise<EmbeddedPostgres> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  return startEmbeddedPostgres({ dataDir, log, signal, ...(binaries === undefined ? {} : { binaries }) })
}

async function query(url: string, statement: string): Promise<readonly unknown[]> {
  await using postgres = connectPostgres(url, log)
  return [...(await postgres.sql.unsafe(statement))]
}

async function readPostmasterPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0])
}

function isAlive(pid: number): boolean {
  return readProcessStartTime(pid) !== null
}

test('the npm package has binaries for this machine', () => {
  expect(packaged).toHaveLength(1)
})

test.each([...installed, ...packaged])('data survives a restart with the binaries %s', async (_kind, binaries) => {
  const dataDir = await createDataDir()
  const first = await start(dataDir, binaries)
  await query(first.url, 'create table kept as select 42 as answer')
  const pid = await readPostmasterPid(dataDir)
  await first[Symbol.asyncDispose]()
  expect(isAlive(pid)).toBe(false)

  await using second = await start(dataDir)
  expect(second.url).toBe(first.url)
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('the password is required, and stored in a file that only its owner may read', async () => {
  const dataDir = await createDataDir()
  await using database = await start(dataDir)
  const wrong = Object.assign(new URL(database.url), { password: 'wrong' }).href
  await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  expect((await stat(join(dataDir, 'postgres.json'))).mode & 0o777).toBe(0o600)
})

test('a killed postmaster is restarted on the same port with all committed data, though a backend of it hangs', async () => {
  const dataDir = await createDataDir()
  await using database = await start(dataDir)
  await using pool = connectPostgres(database.url, log)
  await pool.sql`create table kept (n int)`
  await pool.sql`insert into kept values (1)`
  const [backend] = await pool.sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  process.kill(backend?.pid ?? 0, 'SIGSTOP')
  const killed = await readPostmasterPid(dataDir)
  process.kill(killed, 'SIGKILL')

  const rows = await vi.waitFor(() => query(database.url, 'select n from kept'), WAIT)
  expect(rows).toEqual([{ n: 1 }])
  expect(await readPostmasterPid(dataDir)).not.toBe(killed)
  await vi.waitFor(() => pool.sql`select 1`, WAIT)
})

test('a start after a killed gateway stops its server and takes over its lock', async () => {
  const dataDir = await createDataDir()
  const gateway = await startGateway(dataDir)
  await query(gateway.url, 'create table kept as select 42 as answer')
  const left = await readPostmasterPid(dataDir)
  process.kill(gateway.pid, 'SIGKILL')
  await gateway.ended
  expect(isAlive(left)).toBe(true)

  await using database = await start(dataDir)
  expect(isAlive(left)).toBe(false)
  expect(database.url).toBe(gateway.url)
  expect(await query(database.url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('a second gateway on the same folder is refused with the pid of the first', async () => {
  const dataDir = await createDataDir()
  await using database = await start(dataDir)
  await expect(start(dataDir)).rejects.toThrow(`process ${process.pid}`)
  expect(await query(database.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a cluster whose password is lost is not replaced', async () => {
  const dataDir = await createDataDir()
  await (await start(dataDir))[Symbol.asyncDispose]()
  await rm(join(dataDir, 'postgres.json'))
  await expect(start(dataDir)).rejects.toThrow('postgres.json is missing or damaged')
})

test('an aborted start leaves no process running', async () => {
  const dataDir = await createDataDir()
  const aborting = new AbortController()
  const starting = startEmbeddedPostgres({ dataDir, log, signal: aborting.signal })
  aborting.abort()
  await expect(starting).rejects.toThrow('aborted')
  await using database = await start(dataDir)
  expect(await query(database.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

/** Starts a process that runs the embedded database of a folder, as a gateway does. */
async function startGateway(dataDir: string): Promise<{ pid: number; url: string; ended: Promise<unknown> }> {
  const adapter = new URL('embedded-postgres.ts', import.meta.url).href
  const silent = '{ debug() {}, info() {}, warn() {}, error() {}, with() { return this } }'
  const program = `
    import { startEmbeddedPostgres } from ${JSON.stringify(adapter)}
    const dataDir = ${JSON.stringify(dataDir)}
    console.log((await startEmbeddedPostgres({ dataDir, log: ${silent}, signal: AbortSignal.timeout(${PATIENCE_MS}) })).url)`
  const args = ['--import', 'tsx', '--input-type=module', '-e', program]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))
  const [url] = (await once(createInterface(child.stdout), 'line', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [
    string,
  ]
  return { pid: child.pid ?? 0, url, ended }
}
