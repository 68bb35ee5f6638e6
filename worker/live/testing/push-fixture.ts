import { randomUUID } from 'node:crypto'

import type { IngestSource } from '../../../shared/contract/live.ts'
import type { TargetOrder, TargetReport } from '../../../shared/contract/live-targets.ts'
import { createLog } from '../../../shared/log.ts'
import { until } from '../../../shared/testing/until.ts'
import { createClock } from '../../platform/clock.ts'
import { createFetcher } from '../../platform/http.ts'
import type { PushMeans } from '../push/push-once.ts'
import { createPushedTargets, type PushedTargets } from '../push/push-targets.ts'

/** The key of every target. */
export const SECRET = 'their-key-0123456789'
/** How attempts are made, unless a test says otherwise. */
export const MEANS: PushMeans = {
  policy: { allowPrivateNetworks: true },
  limits: { bytes: 1 << 20, spanMs: 60_000, unsentBytes: 64 * 1024 },
}

/** Starts to push what `source` names, and follows the states of the targets. */
export function startPush(source: () => IngestSource | null, means: Partial<PushMeans> = {}) {
  const lines: string[] = []
  const states: string[] = []
  const fetcher = createFetcher({
    policy: { allowPrivateNetworks: true },
    proxies: { http: null, https: null, bypass: null },
  })
  const targets: PushedTargets = createPushedTargets({
    source,
    means: { ...MEANS, ...means },
    onChange: () => void states.push(targets.describe()[0]?.state ?? 'none'),
    fetcher,
    clock: createClock(),
    gatewayClock: createClock(),
    log: createLog('test', 'debug', (line) => void lines.push(line)),
  })
  const find = (id: string): TargetReport | undefined => targets.describe().find((one) => one.target_id === id)
  return {
    targets,
    lines,
    states,
    find,
    waitFor: async (id: string, state: string) => {
      await until(() => find(id)?.state === state, `the target is ${state}`)
      return find(id)
    },
    async [Symbol.asyncDispose]() {
      await targets[Symbol.asyncDispose]()
      await fetcher[Symbol.asyncDispose]()
    },
  }
}

/** Makes the order of a target at a port of this machine. */
export function orderFor(
  port: number,
  more: { readonly key?: string | null; readonly scheme?: string } = {},
): TargetOrder {
  const url = `${more.scheme ?? 'rtmp'}://127.0.0.1:${port}/live`
  return { target_id: randomUUID(), push: { url, key: more.key === undefined ? SECRET : more.key } }
}
