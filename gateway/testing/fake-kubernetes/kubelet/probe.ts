import { setTimeout as delay } from 'node:timers/promises'

import type { V1Container, V1Probe } from '@kubernetes/client-node'

import type { Wire } from '../wire.ts'

type Probe = Wire<V1Probe>

/** The health port of a container. Pods share this machine, so the actual port differs from the declared one. */
export type ProbePorts = {
  /** The port in the Pod's environment and the port on this machine; null if the container has none. */
  readonly health: { readonly declared: number; readonly actual: number } | null
}

export type ProbeResults = {
  /** Called at each change of the readiness. */
  setReady(isReady: boolean): void
  /** Called when the container is not alive, so that the kubelet restarts it. */
  onDead(): void
}

/** Probes a container by HTTP as its spec says, until the signal aborts. */
export function startProbes(
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
    void runProbe(readinessProbe, resolveProbeUrl(container, readinessProbe, ports), setReady, signal)
  if (livenessProbe !== undefined)
    void runProbe(livenessProbe, resolveProbeUrl(container, livenessProbe, ports), onAlive, signal)
}

function resolveProbeUrl({ ports = [] }: Wire<V1Container>, { httpGet }: Probe, { health }: ProbePorts): string {
  if (httpGet === undefined) throw new Error('only HTTP probes are supported here')
  const { port, path = '/' } = httpGet
  const declared = typeof port === 'number' ? port : (ports.find(({ name }) => name === port)?.containerPort ?? 0)
  return `http://127.0.0.1:${health?.declared === declared ? health.actual : declared}${path}`
}

type ProbeRules = Required<Pick<Probe, 'initialDelaySeconds' | 'periodSeconds' | 'timeoutSeconds'>> & {
  readonly successThreshold: number
  readonly failureThreshold: number
}

/** The defaults of the API. The API server has already set all of them but the delay. */
const DEFAULT_RULES: ProbeRules = {
  initialDelaySeconds: 0,
  periodSeconds: 10,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
}

/** Probes until the signal aborts. Calls back when a result first reaches its threshold, and at each change. */
async function runProbe(
  probe: Probe,
  url: string,
  onResult: (isGood: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const rules = { ...DEFAULT_RULES, ...probe }
  let reported: boolean | null = null
  let run = { isGood: false, length: 0 }
  await waitSeconds(rules.initialDelaySeconds, signal)
  while (!signal.aborted) {
    const isGood = await probeOnce(url, rules.timeoutSeconds, signal)
    run = { isGood, length: isGood === run.isGood ? run.length + 1 : 1 }
    const threshold = isGood ? rules.successThreshold : rules.failureThreshold
    if (isGood !== reported && run.length >= threshold && !signal.aborted) {
      reported = isGood
      onResult(isGood)
    }
    await waitSeconds(rules.periodSeconds, signal)
  }
}

async function waitSeconds(seconds: number, signal: AbortSignal): Promise<void> {
  await delay(seconds * 1000, undefined, { signal, ref: false }).catch(() => undefined)
}

async function probeOnce(url: string, timeoutSec: number, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSec * 1000)]) })
    await response.body?.cancel()
    return response.status >= 200 && response.status < 400
  } catch {
    return false
  }
}
