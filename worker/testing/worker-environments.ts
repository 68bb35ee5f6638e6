import { join } from 'node:path'

import { CONFIG } from './monitor-scenario.ts'

const MONITOR_ID = 'mon-019502f0-0000-7000-8000-000000000001'
const JOB_ID = 'job-019502f0-0000-7000-8000-000000000001'
const TOKEN = 'b'.repeat(64)

/** Returns the environment of a monitor's worker; `overrides` may replace any variable. */
export function monitorEnv(
  gatewayUrl: string,
  streamUrl: string,
  overrides: NodeJS.ProcessEnv = {},
): NodeJS.ProcessEnv {
  return {
    WORKER_KIND: 'monitor',
    WORKER_NAME: `stream-monitor-${MONITOR_ID}`,
    WORKER_TOKEN: TOKEN,
    GATEWAY_URL: gatewayUrl,
    MONITOR_ID,
    STREAM_URL: streamUrl,
    CALLBACK_URL: 'http://127.0.0.1:9/webhook',
    CONFIG_JSON: JSON.stringify(CONFIG),
    METADATA_JSON: '{}',
    LOG_LEVEL: 'debug',
    ...overrides,
  }
}

/** Returns the environment of a job's worker: a local store, and a scratch folder, both below `dir`. */
export function encodeEnv(gatewayUrl: string, dir: string, overrides: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    WORKER_KIND: 'encode',
    WORKER_NAME: 'encode-1',
    WORKER_TOKEN: TOKEN,
    GATEWAY_URL: gatewayUrl,
    JOB_ID,
    WORK_DIR: join(dir, 'work'),
    STORAGE_DIR: join(dir, 'store'),
    MEDIA_URL: 'http://127.0.0.1:9/media',
    LOG_LEVEL: 'debug',
    ...overrides,
  }
}

const BROADCAST_ID = 'live-019502f0-0000-7000-8000-000000000001'

/** Returns the environment of a broadcast's worker: a local store, and a scratch folder, both below `dir`. */
export function liveEnv(gatewayUrl: string, dir: string, overrides: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    WORKER_KIND: 'live',
    WORKER_NAME: 'live-1',
    WORKER_TOKEN: TOKEN,
    GATEWAY_URL: gatewayUrl,
    BROADCAST_ID,
    STORAGE_TYPE: 'local',
    WORK_DIR: join(dir, 'work'),
    STORAGE_DIR: join(dir, 'store'),
    MEDIA_URL: 'http://127.0.0.1:9/media',
    LOG_LEVEL: 'debug',
    ...overrides,
  }
}
