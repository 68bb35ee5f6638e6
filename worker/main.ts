/** The worker program: one worker, which its environment describes, or several that its launcher starts in it. */

import { setFlagsFromString } from 'node:v8'

import { createLog, type Log } from '../shared/log.ts'
import type { Lifetime } from './platform/lifetime.ts'
import { EXIT, runWorker, type StartingWorker } from './run-worker.ts'

// V8 recompiles the HTTP parser of fetch, which is WebAssembly, after a few calls: 0.2 s of CPU and 17 MB, and
// process.exit waits for it. On a busy machine a refused worker would linger for seconds.
setFlagsFromString('--no-wasm-dynamic-tiering')
setFlagsFromString('--no-wasm-tier-up')

// The process that reads this log may exit first.
process.stdout.on('error', () => {})
const writeLine = (line: string) => void process.stdout.write(`${line}\n`)

process.on('uncaughtException', (error) => {
  const name = process.env['WORKER_NAME']
  createLog('worker', 'debug', writeLine)
    .with(name === undefined ? {} : { worker: name })
    .error('worker failed', { error })
  process.exit(EXIT.failed)
})

if (process.env['SHARED_PROCESS'] === '1') {
  const { runSharedProcess } = await import('./shared-process.ts')
  runSharedProcess()
} else {
  process.exit(await runWorker(process.env, { writeLine, onStart: enterProcess }))
}

/** Ties a worker to the signals, the gateway and the probes of its process. */
async function enterProcess({ environment, lifetime, log, isReady }: StartingWorker): Promise<void> {
  stopOnSignals(lifetime, log)
  if (environment.GATEWAY_PIPE === '1') exitWithGateway(log)
  if (environment.HEALTH_PORT !== undefined) await startProbes(environment.HEALTH_PORT, isReady)
}

/** Starts the health probes. Their server is loaded here: a worker without probes saves its memory. */
async function startProbes(port: number, isReady: () => boolean): Promise<void> {
  const { startHealthServer } = await import('./platform/health-server.ts')
  await startHealthServer(port, isReady)
}

function stopOnSignals(lifetime: Lifetime, log: Log): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info('worker stopping', { signal })
      lifetime.stop()
    })
  }
}

/** Exits when the gateway's process ends. The next gateway on this machine starts the worker again. */
function exitWithGateway(log: Log): void {
  const exit = () => {
    log.warn('gateway gone, exiting')
    process.exit(EXIT.gatewayGone)
  }
  process.stdin.on('end', exit).on('error', exit).resume()
}
