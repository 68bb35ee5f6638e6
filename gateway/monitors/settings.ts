import * as v from 'valibot'

import { Duration, PositiveDuration } from '../../shared/durations.ts'
import type { InstalledResolver } from '../ports/installed-resolver.ts'
import type { WorkerResources } from '../ports/launcher.ts'
import { cpu, memory, pick, setting, text, wholeNumber, type Env } from '../settings/fields.ts'
import type { SettingsSection } from '../settings/section.ts'

/** Variables that a worker reads itself: checked here for their form, and passed on as written. */
const ForWorkers = v.object({
  YTDLP_PATH: setting(
    v.optional(text),
    'Path of yt-dlp. Default: the one that `npm start` has installed in `DATA_DIR`, else `yt-dlp` from `PATH`.',
  ),
  STREAMLINK_PATH: setting(v.optional(text), 'Path of streamlink. Default: `streamlink` from `PATH`.'),
  WAITING_MODE_INITIAL_INTERVAL: setting(
    v.optional(PositiveDuration),
    'Interval of the checks for a stream that has not started yet. Default: 30s.',
  ),
  WAITING_MODE_DELAYED_INTERVAL: setting(
    v.optional(PositiveDuration),
    'Interval of the same checks once the scheduled start has passed. Default: 10s.',
  ),
  MANIFEST_FETCH_TIMEOUT: setting(v.optional(PositiveDuration), 'Time limit for fetching a playlist. Default: 10s.'),
  MANIFEST_REFRESH_INTERVAL: setting(
    v.optional(PositiveDuration),
    'Shortest pause before a watched stream that fails or stands still is resolved again. Default: 30s.',
  ),
  SEGMENT_FETCH_TIMEOUT: setting(v.optional(PositiveDuration), 'Time limit for fetching a segment. Default: 30s.'),
  SEGMENT_MAX_BYTES: setting(
    v.optional(wholeNumber(1, 1_073_741_824)),
    'Largest segment that is analysed in full. Of a larger one only the beginning is analysed. Default: 10485760.',
  ),
})

const MonitorEnvironment = v.object({
  ...ForWorkers.entries,
  MAX_MONITORS: setting(v.optional(wholeNumber(1, 100_000), '50'), 'Largest number of active monitors.'),
  MONITORS_PER_WORKER: setting(
    v.optional(wholeNumber(1, 100)),
    'Largest number of monitors that share one worker process. A process that crashes costs each of them a restart. Default: 16; 1 with `LAUNCHER=kubernetes`, where more is not possible.',
  ),
  SCHEDULE_LEAD_TIME: setting(
    v.optional(Duration, '600s'),
    'Time before `scheduled_start_time` at which a scheduled monitor gets its worker.',
  ),
  MONITOR_CPU_REQUEST: setting(v.optional(cpu, '100m'), "CPU request of a monitor's Pod."),
  MONITOR_MEMORY_REQUEST: setting(v.optional(memory, '256Mi'), "Memory request of a monitor's Pod."),
  MONITOR_CPU_LIMIT: setting(v.optional(cpu, '500m'), "CPU limit of a monitor's Pod."),
  MONITOR_MEMORY_LIMIT: setting(v.optional(memory, '512Mi'), "Memory limit of a monitor's Pod."),
})

/** The settings of monitors. */
export type MonitorSettings = {
  /** Active monitors at a time; one more is refused. */
  readonly maxMonitors: number
  /** Monitors that may share one worker process. */
  readonly perWorker: number
  /** How long before its scheduled start a monitor gets its worker, in ms. */
  readonly scheduleLeadTimeMs: number
  readonly resources: WorkerResources
  /** The yt-dlp that was installed for this machine; `null` where none was, or YTDLP_PATH names another. */
  readonly resolver: InstalledResolver | null
  /** Variables of a worker's environment. */
  readonly workerEnv: Readonly<Record<string, string>>
}

/** The settings of monitors, as checked before the gateway starts. */
export const MONITORS_SECTION: SettingsSection = {
  title: 'Monitors',
  entries: MonitorEnvironment.entries,
  problems: ({ LAUNCHER, MONITORS_PER_WORKER = '1' }) =>
    LAUNCHER === 'kubernetes' && MONITORS_PER_WORKER !== '1'
      ? ['MONITORS_PER_WORKER must be 1 with LAUNCHER=kubernetes: a Pod runs one monitor']
      : [],
}

const PER_WORKER = 16

/** What the settings of monitors come from, beside the environment. */
type MonitorSurroundings = {
  readonly workerEnv: Readonly<Record<string, string>>
  readonly installedResolver?: InstalledResolver | null | undefined
}

/** Returns the settings of monitors, from an environment that `MONITORS_SECTION` has no problems with. */
export function readMonitorSettings(
  raw: Env,
  { workerEnv, installedResolver = null }: MonitorSurroundings,
): MonitorSettings {
  const env = v.parse(MonitorEnvironment, raw)
  const resolver = env.YTDLP_PATH === undefined ? installedResolver : null
  const resolverEnv = resolver === null || resolver.path === null ? {} : { YTDLP_PATH: resolver.path }
  return {
    resolver,
    maxMonitors: env.MAX_MONITORS,
    perWorker: env.MONITORS_PER_WORKER ?? (raw['LAUNCHER'] === 'kubernetes' ? 1 : PER_WORKER),
    scheduleLeadTimeMs: env.SCHEDULE_LEAD_TIME,
    resources: {
      requests: { cpu: env.MONITOR_CPU_REQUEST, memory: env.MONITOR_MEMORY_REQUEST },
      limits: { cpu: env.MONITOR_CPU_LIMIT, memory: env.MONITOR_MEMORY_LIMIT },
    },
    workerEnv: { ...workerEnv, ...resolverEnv, ...pick(raw, Object.keys(ForWorkers.entries)) },
  }
}
