import { benchCluster } from './cluster.ts'
import { benchEncoding } from './encoding.ts'
import { benchLateness } from './lateness.ts'
import { benchQueue } from './queue.ts'
import { benchReports } from './reports.ts'
import { toTable, type Row } from './row.ts'
import { benchUploads } from './uploads.ts'
import { benchWatching } from './watching.ts'
import { benchWebhooks } from './webhooks.ts'

/** `npm run bench`: each figure beside what it is compared with in the same run. Some minutes, on an idle machine. */
const rows: Row[] = []
for (const bench of [
  benchWatching,
  benchLateness,
  benchReports,
  benchWebhooks,
  benchCluster,
  benchEncoding,
  benchQueue,
  benchUploads,
])
  rows.push(...(await bench()))
process.stdout.write(`${toTable(rows)}\n`)
