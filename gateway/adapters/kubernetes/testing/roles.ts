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
  isMovable: true,
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
  isMovable: false,
}

/** The role of ingest workers. */
export const INGEST_ROLE: WorkerRole = {
  kind: 'ingest',
  app: 'ingest',
  idLabel: 'ingest-id',
  workDir: '/tmp/ingest',
  workLimit: '16Mi',
  resources: { requests: { cpu: '200m', memory: '256Mi' }, limits: { cpu: '2', memory: '2Gi' } },
  ports: [
    { name: 'rtmp', port: 1935 },
    { name: 'whip', port: 8189, protocol: 'UDP' },
    { name: 'sessions', port: 8082 },
  ],
  network: { ingress: 'public', egress: 'gateway' },
  isMovable: false,
}

/** The role of broadcasts' workers under the gateway's default settings. */
export const LIVE_ROLE: WorkerRole = {
  kind: 'live',
  app: 'live',
  idLabel: 'stream-id',
  workDir: '/tmp/live',
  workLimit: '1Gi',
  resources: { requests: { cpu: '1', memory: '512Mi' }, limits: { cpu: '4', memory: '1Gi' } },
  ports: [{ name: 'parts', port: 8082 }],
  network: { ingress: 'cluster', egress: 'internet' },
  isMovable: false,
}
