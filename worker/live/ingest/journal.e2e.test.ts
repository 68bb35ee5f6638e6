import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import type { IngestSource } from '../../../shared/contract/live.ts'
import { until } from '../../../shared/testing/until.ts'
import { startWorker, type WorkerProcess } from '../../../shared/testing/worker-process.ts'
import { framesOf, KEY, publish } from '../testing/broadcast.ts'
import { makeFlvClip, type FlvClip } from '../testing/flv-clip.ts'
import { startIngestGateway, type IngestGateway } from '../testing/ingest-gateway.ts'
import { ingestEnv } from '../testing/ingest-worker.ts'
import { countJournalBytes } from '../testing/journal-files.ts'
import { startPublisher } from '../testing/rtmp-client.ts'
import { openSession } from '../testing/session-reader.ts'

let clip: FlvClip
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 6 })
})
afterAll(() => clip[Symbol.asyncDispose]())

/** An ingest worker in a process of its own. */
async function startIngest(
  gateway: IngestGateway,
  dir: string,
): Promise<WorkerProcess & { readonly rtmpPort: number }> {
  const worker = startWorker({ ...ingestEnv(gateway.origin), JOURNAL_DIR: dir })
  const find = () => /"message":"listening for encoders".*"rtmp":(\d+)/.exec(worker.lines.join('\n'))?.[1]
  await until(() => find() !== undefined, 'the worker listens')
  return { ...worker, rtmpPort: Number(find()) }
}

/** Publishes the clip, and kills the worker once all of it is written. */
async function publishAndKill(gateway: IngestGateway, dir: string): Promise<IngestSource> {
  await using worker = await startIngest(gateway, dir)
  await using client = await startPublisher(worker.rtmpPort, KEY)
  publish(client, clip.tags)
  const source = gateway.requests().at(-1)?.source
  if (source === undefined) throw new Error('the gateway has no request')
  const wanted = clip.tags.reduce((sum, { body }) => sum + body.length, 0)
  await until(async () => (await countJournalBytes(dir, source.session)) >= wanted, 'all is written')
  worker.kill('SIGKILL')
  await worker.exited
  return source
}

test('what an ingest worker has received is read from the one that follows it, after SIGKILL too', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-journal-'))
  try {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    const source = await publishAndKill(gateway, dir)
    await using second = await startIngest(gateway, dir)
    {
      await using reader = await openSession(source, 0)
      expect(framesOf(await reader.readAll())).toEqual(framesOf(clip.tags))
      expect(Math.abs(Number(reader.headers.get('x-base-ms')) - Date.now())).toBeLessThan(600_000)
    }
    const find = () => gateway.sessions().find(({ session, ended }) => session === source.session && ended !== null)
    await until(() => find() !== undefined, 'the end of the session is reported')
    expect(find()?.ended).toBe('the ingest worker was restarted')

    // Nothing is kept of a session that is stored to its end.
    gateway.judge({ session: source.session, end_reason: null, known_until_ms: 6000 })
    await using client = await startPublisher(second.rtmpPort, KEY)
    await until(async () => !(await readdir(dir)).includes(source.session), 'its files are removed')
    await client[Symbol.asyncDispose]()
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

test('a folder that cannot be written, or holds what cannot be read, costs the copy only', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-journal-'))
  try {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    const source = await publishAndKill(gateway, dir)
    await writeFile(join(dir, source.session, 'session.json'), '{"session":"')
    await using second = await startIngest(gateway, dir)
    await using gone = await openSession(source, 0)
    expect(gone.status).toBe(404)
    expect(second.lines.join('\n')).toContain('what was received before cannot be restored')
    expect(await readdir(dir)).not.toContain(source.session)

    await rm(dir, { recursive: true })
    await writeFile(dir, '')
    await using client = await startPublisher(second.rtmpPort, KEY)
    publish(client, clip.tags)
    client.command('deleteStream', null, 1)
    const next = gateway.requests().at(-1)?.source ?? source
    await using reader = await openSession(next, 0)
    expect(framesOf(await reader.readAll())).toEqual(framesOf(clip.tags))
    expect(second.lines.join('\n')).toContain('a session is received without a copy on disk')
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
