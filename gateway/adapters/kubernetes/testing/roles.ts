import type { WorkerRole } from '../../../ports/launcher.ts'

/** The role of monitors' workers under the gateway's default settings. */
export const MONITOR_ROLE: WorkerRole = {
  kind: 'monitor',
  app: 'stream-monitor',
  idLabel: 'monitor-id',
  workDir: '/tmp/segments',
  workLimit: '256Mi',
  resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
  ports: [],
  network: { ingress: 'none', egress: 'internet' },
}

/** The role of jobs' workers under the gateway's default settings. */
export const ENCODE_ROLE: WorkerRole = {
  kind: 'job',
  app: 'encode',
  idLabel: 'job-id',
  workDir: '/tmp/ffmpeg-jobs',
  workLimit: '40Gi',
  resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '4', memory: '4Gi' } },
  ports: [],
  network: { ingress: 'none', egress: 'internet' },
}
