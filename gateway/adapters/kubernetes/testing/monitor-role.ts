import type { WorkerRole } from '../../../workers/launcher.ts'

/** Monitors' workers, as the gateway has them by its own settings. */
export const MONITOR_ROLE: WorkerRole = {
  kind: 'monitor',
  app: 'stream-monitor',
  idLabel: 'monitor-id',
  workDir: '/tmp/segments',
  workLimit: '256Mi',
  resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
}
