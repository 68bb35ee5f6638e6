import { abortOnInterrupt } from '../../demo/demo-gateway.ts'
import { checkArchives } from './check-archives.ts'
import { checkChat } from './check-chat.ts'
import { checkDarkness } from './check-darkness.ts'
import { checkLadder } from './check-ladder.ts'
import { checkLatency } from './check-latency.ts'
import { checkOverload } from './check-overload.ts'
import { checkReconnect } from './check-reconnect.ts'
import { checkRefusals } from './check-refusals.ts'
import { checkRestarts } from './check-restarts.ts'
import { checkSecondEncoder } from './check-second-encoder.ts'
import { checkStart } from './check-start.ts'
import { checkStreamKey } from './check-stream-key.ts'
import { checkWorkerKills } from './check-worker-kills.ts'
import { runRow, type RowCheck } from './row-check.ts'

/** `npm run check:live`: what live must do, measured on the product as it is started. Arguments choose rows. */
const ROWS: readonly RowCheck[] = [
  { row: 1, title: 'publish and play', run: checkStart },
  { row: 2, title: 'a wrong key, and a gateway that is away', run: checkRefusals },
  { row: 3, title: 'a second encoder', run: checkSecondEncoder },
  { row: 4, title: 'the stream key', run: checkStreamKey },
  { row: 5, title: 'the ladder', run: checkLadder },
  { row: 6, title: 'encoder to screen in 60 s', run: checkLatency },
  { row: 7, title: 'three kills of worker and ffmpeg', run: checkWorkerKills },
  { row: 8, title: 'the encoder away for 60 s and for 100 s', run: checkReconnect },
  { row: 9, title: 'kills of Postgres, ingest and gateway', run: checkRestarts },
  { row: 10, title: '1080p60 on busy cores', run: checkOverload },
  { row: 11, title: 'the archive', run: checkArchives },
  { row: 12, title: 'black, silent and frozen for 10 s', run: checkDarkness },
  { row: 13, title: 'a chat of 1,000 sockets at two gateways', run: checkChat },
]
/** Longest time of a row, in ms. */
const ROW_LIMIT_MS = 600_000

const wanted = process.argv.slice(2).map(Number)
const unknown = wanted.filter((number) => ROWS.every(({ row }) => row !== number))
if (unknown.length > 0) throw new Error(`there is no row ${unknown.join(', ')}; rows are 1 to ${ROWS.length}`)
const interrupted = abortOnInterrupt()
for (const check of ROWS) {
  if (interrupted.aborted || (wanted.length > 0 && !wanted.includes(check.row))) continue
  const holds = await runRow(check, AbortSignal.any([interrupted, AbortSignal.timeout(ROW_LIMIT_MS)]))
  if (!holds) process.exitCode = 1
}
