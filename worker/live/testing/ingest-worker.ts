import { createLog, type LogFields } from '../../../shared/log.ts'
import { until } from '../../../shared/testing/until.ts'
import { createGatewayCaller } from '../../platform/callback.ts'
import { createClock } from '../../platform/clock.ts'
import { createLifetime, type Lifetime } from '../../platform/lifetime.ts'
import { prepareIngestWorker } from '../ingest/index.ts'
import type { WorkerOutcome } from '../../kind.ts'

/** An ingest worker that runs in this process. Disposing of it kills it. */
export type TestIngestWorker = AsyncDisposable & {
  readonly rtmpPort: number
  readonly rtmpsPort: number | null
  /** Address that encoders publish to, without the key. */
  readonly url: string
  readonly lifetime: Lifetime
  readonly done: Promise<WorkerOutcome>
  /** The lines of its log so far. */
  readonly lines: readonly string[]
}

const INGEST_ID = 'ingest-1'

/** Returns the environment of an ingest worker whose servers take any free port. */
export function ingestEnv(gatewayUrl: string, overrides: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    WORKER_KIND: 'ingest',
    WORKER_NAME: INGEST_ID,
    WORKER_TOKEN: 'c'.repeat(64),
    GATEWAY_URL: gatewayUrl,
    INGEST_ID,
    RTMP_PORT: '0',
    WHIP_PORT: '0',
    LOG_LEVEL: 'debug',
    ...overrides,
  }
}

/** Starts an ingest worker in this process, against a gateway over HTTP. It has claimed its assignment already. */
export async function startIngestWorker(
  gatewayUrl: string,
  overrides: NodeJS.ProcessEnv = {},
): Promise<TestIngestWorker> {
  const env = ingestEnv(gatewayUrl, overrides)
  const lines: string[] = []
  const log = createLog('worker', 'debug', (line) => void lines.push(line))
  const clock = createClock()
  const createCaller = (token: string) =>
    createGatewayCaller({ gatewayUrl, workerName: INGEST_ID, token, clock, log, trace: null })
  const lifetime = createLifetime(20_000)
  const claim = { epoch: 1, resume: null, policy: { allow_private_networks: true, allow_any_site: false } }
  const done = prepareIngestWorker(env).run({
    claim,
    claimant: '',
    policy: { allowPrivateNetworks: true },
    callGateway: createCaller(env['WORKER_TOKEN'] ?? ''),
    createGatewayCaller: createCaller,
    clock: clock.detach(),
    gatewayClock: clock,
    lifetime,
    log,
  })
  const failed = done.then(
    () => false,
    () => true,
  )
  const listening = () => findLine(lines, 'listening for encoders')
  await Promise.race([until(() => listening() !== null, 'the worker listens'), failed])
  const ports = listening()
  if (ports === null) return done.then(() => Promise.reject(new Error('the worker ended')))
  return {
    rtmpPort: Number(ports['rtmp']),
    rtmpsPort: ports['rtmps'] === null ? null : Number(ports['rtmps']),
    url: `rtmp://127.0.0.1:${Number(ports['rtmp'])}/live`,
    lifetime,
    done,
    lines,
    async [Symbol.asyncDispose]() {
      lifetime.kill()
      await done.catch(() => {})
    },
  }
}

function findLine(lines: readonly string[], message: string): LogFields | null {
  const line = lines.find((text) => text.includes(message))
  return line === undefined ? null : (JSON.parse(line) as LogFields)
}
