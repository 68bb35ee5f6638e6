import { PEER_PORT, type WorkerRole, type WorkerSpec } from '../../ports/launcher.ts'
import type { AttemptRule } from '../../workers/attempts.ts'
import type { LiveContextSettings } from '../context.ts'
import { RTMP_PORT, WHIP_PORT, type LiveSettings } from '../settings.ts'

/** The kind under which ingest workers and their assignments go. */
export const INGEST_KIND = 'ingest'

/** Returns the ids of the ingest workers, which all broadcasts share. */
export function ingestIds({ ingestWorkers }: Pick<LiveSettings, 'ingestWorkers'>): string[] {
  return Array.from({ length: ingestWorkers }, (_, i) => `ingest-${i}`)
}

/** An ingest worker is never given up: without it there are no broadcasts. */
export const INGEST_ATTEMPTS: AttemptRule = { max: 1_000_000_000, stableAfterSec: 60 }

/** Returns the role of ingest workers in a cluster. A Service leads encoders to them. */
export function ingestRole(): WorkerRole {
  return {
    kind: INGEST_KIND,
    app: 'ingest',
    idLabel: 'ingest-id',
    workDir: '/tmp/ingest',
    workLimit: '16Mi',
    resources: { requests: { cpu: '200m', memory: '256Mi' }, limits: { cpu: '2', memory: '2Gi' } },
    ports: [
      { name: 'rtmp', port: RTMP_PORT },
      { name: 'whip', port: WHIP_PORT, protocol: 'UDP' },
      { name: 'sessions', port: PEER_PORT },
    ],
    network: { ingress: 'public', egress: 'gateway' },
    isMovable: false,
  }
}

/** Limit of the JavaScript heap, in MB; what encoders have sent lies outside of it. */
const HEAP_MB = 256

/** Returns what to launch as the ingest worker. */
export function ingestSpec(id: string, { live, gatewayUrl, cluster }: LiveContextSettings, token: string): WorkerSpec {
  return {
    name: id,
    kind: INGEST_KIND,
    assignmentId: id,
    env: {
      ...live.ingestEnv,
      WORKER_KIND: INGEST_KIND,
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
      WORKER_NAME: id,
      WORKER_TOKEN: token,
      GATEWAY_URL: gatewayUrl,
      INGEST_ID: id,
      ...(live.journalDir === null ? {} : { JOURNAL_DIR: `${live.journalDir}/${id}` }),
      ...(cluster === null
        ? {}
        : {
            RTMP_HOST: '0.0.0.0',
            RTMP_PORT: String(RTMP_PORT),
            WHIP_PORT: String(WHIP_PORT),
            INGEST_HTTP_PORT: String(PEER_PORT),
          }),
    },
  }
}
