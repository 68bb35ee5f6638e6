import { setTimeout as delay } from 'node:timers/promises'

import type { V1Container, V1Probe } from '@kubernetes/client-node'

import type { Wire } from './wire.ts'

type Probe = Wire<V1Probe>

/** Where a container's probes go: all Pods share this machine, so that its health port may be another one. */
export type ProbePorts = {
  /** As the Pod's spec has it, and as it is here; null where it has none. */
  readonly health: { readonly said: number; readonly real: number } | null
}

export type ProbeResults = {
  /** Called at each change. */
  setReady(isReady: boolean): void
  /** It is not alive: the kubelet is to start it anew. */
  onDead(): void
}

/** Probes a container by HTTP as its spec says, until the signal aborts. */
export function probeContainer(
  container: Wire<V1Container>,
  ports: ProbePorts,
  { setReady, onDead }: ProbeResults,
  signal: AbortSignal,
): void {
  const { readinessProbe, livenessProbe } = container
  const onAlive = (isAlive: boolean) => {
    if (!isAlive) onDead()
  }
  if (readinessProbe !== undefined)
    void follow(readinessProbe, urlOf(container, readinessProbe, ports), setReady, signal)
  if (livenessProbe !== undefined) void follow(livenessProbe, urlOf(container, livenessProbe, ports), onAlive, signal)
}

function urlOf({ ports = [] }: Wire<V1Container>, { httpGet }: Probe, { health }: ProbePorts): string {
  if (httpGet === undefined) throw new Error('only probes by HTTP are offered here')
  const { port, path = '/' } = httpGet
  const said = typeof port === 'number' ? port : (ports.find(({ name }) => name === port)?.containerPort ?? 0)
  return `http://127.0.0.1:${health?.said === said ? health.real : said}${path}`
}

type Rules = Required<Pick<Probe, 'initialDelaySeconds' | 'periodSeconds' | 'timeoutSeconds'>> & {
  readonly successThreshold: number
  readonly failureThreshold: number
}

/** The API server has filled in all of them but the delay. */
const RULES: Rules = {
  initialDelaySeconds: 0,
  periodSeconds: 10,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
}

/** Calls back once the threshold of one result is reached, and at each change from then on. */
async function follow(
  probe: Probe,
  url: string,
  onResult: (isGood: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const rules = { ...RULES, ...probe }
  let told: boolean | null = null
  let run = { isGood: false, length: 0 }
  await pause(rules.initialDelaySeconds, signal)
  while (!signal.aborted) {
    const isGood = await answers(url, rules.timeoutSeconds, signal)
    run = { isGood, length: isGood === run.isGood ? run.length + 1 : 1 }
    const threshold = isGood ? rules.successThreshold : rules.failureThreshold
    if (isGood !== told && run.length >= threshold && !signal.aborted) {
      told = isGood
      onResult(isGood)
    }
    await pause(rules.periodSeconds, signal)
  }
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await delay(seconds * 1000, undefined, { signal, ref: false }).catch(() => undefined)
}

async function answers(url: string, timeoutSec: number, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSec * 1000)]) })
    await answer.body?.cancel()
    return answer.status >= 200 && answer.status < 400
  } catch {
    return false
  }
}
