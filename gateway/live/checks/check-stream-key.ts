import { readdir, readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'

import postgres from 'postgres'

import { readEmbeddedUrl } from '../../adapters/embedded-postgres/embedded-postgres.ts'
import { RenewedKey } from '../broadcasts/present.ts'
import { startEncoder } from '../testing/encoder.ts'
import { createBroadcast, startProduct, type CheckedProduct } from './product.ts'
import { publishEndlessly, SHORT_LADDER, waitForSegments } from './publishing.ts'
import { atMost, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'

/** Looks for a stream key everywhere the product writes, and replaces it while an encoder publishes. */
export async function checkStreamKey(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  const broadcast = await createBroadcast(product)
  await using encoder = publishEndlessly(broadcast)
  await waitForSegments(broadcast, 2, signal)
  const { key } = broadcast
  const places = {
    log: product.lines.join('\n'),
    database: await dumpDatabase(product),
    processes: await readProcesses(),
    files: await readFiles(product.dataDir),
  }
  const found = Object.entries(places).filter(([, text]) => text.includes(key))
  const renewed = await product.call(RenewedKey, `POST /api/v1/streams/${broadcast.id}/key`)
  const renewedMs = Date.now()
  await encoder.ended
  const endedMs = Date.now()
  await using old = startEncoder({ url: broadcast.url, sec: 5 })
  await using next = startEncoder({ url: `${renewed.ingest.rtmp_url}/${renewed.stream_key}`, sec: 5 })
  const [oldEnd, nextEnd] = [await old.ended, await next.ended]
  const hash = createHash('sha256').update(key).digest('hex')
  return [
    isSo(
      `key in ${found.map(([name]) => name).join(', ') || 'no place'}`,
      'in none of log, database, processes, files',
      found.length === 0,
    ),
    isSo(
      `its hash ${places.database.includes(hash) ? 'in' : 'not in'} the database`,
      'in',
      places.database.includes(hash),
    ),
    atMost('new key: old encoder ended after', (endedMs - renewedMs) / 1000, 5),
    isSo(
      `old key exit ${oldEnd.code}, new key exit ${nextEnd.code}`,
      'old refused, new accepted',
      oldEnd.code !== 0 && nextEnd.code === 0,
    ),
  ]
}

/** Returns all rows of all tables as text. */
async function dumpDatabase({ dataDir }: CheckedProduct): Promise<string> {
  const sql = postgres((await readEmbeddedUrl(dataDir)) ?? '', { max: 1, onnotice: () => undefined })
  try {
    const tables =
      await sql`select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`
    const dumps: string[] = []
    for (const { name } of tables) dumps.push(JSON.stringify(await sql.unsafe(`select t::text from ${name} t`)))
    return dumps.join('\n')
  } finally {
    await sql.end()
  }
}

/** Returns the command lines and environments of all processes, without the encoder's and this one's. */
async function readProcesses(): Promise<string> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = await Promise.all(
    pids.map(async (pid) => {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      const isEncoder = commandLine.startsWith('ffmpeg\0-nostdin\0-v\0error\0-progress')
      return isEncoder ? '' : commandLine + (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''))
    }),
  )
  return all.join('\n')
}

/** Returns the names and the contents of all files of the data folder: media, the database's own files and its log. */
async function readFiles(dataDir: string): Promise<string> {
  const names = await readdir(dataDir, { recursive: true })
  const contents = await Promise.all(names.map((name) => readFile(join(dataDir, name), 'latin1').catch(() => '')))
  return [...names, ...contents].join('\n')
}
