import { benchCluster } from './cluster.ts'
import { benchEncoding } from './encoding.ts'
import { benchAlarmLatency } from './alarm-latency.ts'
import { benchManyMonitors } from './many-monitors.ts'
import { benchLive } from './live.ts'
import { benchQueue } from './queue.ts'
import { benchReports } from './reports.ts'
import { formatTable, type BenchResult } from './result-table.ts'
import { benchUploads } from './uploads.ts'
import { benchMonitoring } from './monitoring.ts'
import { benchWebhooks } from './webhooks.ts'

/** `npm run bench`: each figure beside its reference from the same run. Takes some minutes on an idle machine. */
const results: BenchResult[] = []
for (const bench of [
  benchMonitoring,
  benchManyMonitors,
  benchAlarmLatency,
  benchReports,
  benchWebhooks,
  benchCluster,
  benchEncoding,
  benchLive,
  benchQueue,
  benchUploads,
])
  results.push(...(await bench()))
process.stdout.write(`${formatTable(results)}\n`)
