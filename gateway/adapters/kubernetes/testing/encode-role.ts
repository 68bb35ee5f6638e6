import type { WorkerRole } from '../../../workers/launcher.ts'

/** Jobs' workers, as the gateway has them by its own settings. */
export const ENCODE_ROLE: WorkerRole = {
  kind: 'job',
  app: 'encode',
  idLabel: 'job-id',
  workDir: '/tmp/ffmpeg-jobs',
  workLimit: '40Gi',
  resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '4', memory: '4Gi' } },
}
