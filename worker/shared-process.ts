import * as v from 'valibot'

import { SharedProcessCommand, type SharedProcessMessage } from '../shared/contract/shared-process.ts'
import type { Lifetime } from './platform/lifetime.ts'
import { EXIT, runWorker, type WorkerProcess } from './run-worker.ts'

/**
 * Runs the workers that the launcher starts in this process, until the launcher ends it. Each has its own lifetime, log
 * and assignment: one that fails ends alone. The process ends with its gateway.
 */
export function runSharedProcess(): void {
  const workers = new Map<string, RunningWorker>()

  async function start(name: string, env: Readonly<Record<string, string>>): Promise<void> {
    const worker: RunningWorker = { lifetime: null, ending: null }
    workers.set(name, worker)
    const writeLine = (line: string) => send({ kind: 'line', name, line })
    const onStart: WorkerProcess['onStart'] = async ({ lifetime }) => {
      worker.lifetime = lifetime
      if (worker.ending !== null) lifetime[worker.ending]()
    }
    const code = await runWorker({ ...process.env, ...env }, { writeLine, onStart })
    workers.delete(name)
    send({ kind: 'ended', name, code })
  }

  function end(name: string, how: 'stop' | 'kill'): void {
    const worker = workers.get(name)
    if (worker === undefined) return
    worker.ending = how
    worker.lifetime?.[how]()
  }

  // The launcher ends workers by messages; this signal comes from the machine, which stops everything.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      for (const name of workers.keys()) end(name, 'stop')
    })
  }
  process.on('disconnect', () => process.exit(EXIT.gatewayGone))
  process.on('message', (message) => {
    const command = v.parse(SharedProcessCommand, message)
    if (command.kind === 'start') void start(command.name, command.env)
    else end(command.name, command.kind)
  })
}

/** `lifetime` is `null` until the worker has read its environment; `ending` is what the launcher wants of it. */
type RunningWorker = { lifetime: Lifetime | null; ending: 'stop' | 'kill' | null }

function send(message: SharedProcessMessage): void {
  // A channel that is closed by now ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
