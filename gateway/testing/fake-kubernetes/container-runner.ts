import { once, type EventEmitter } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { V1Container } from '@kubernetes/client-node'

import { findFreePort } from '../../adapters/free-port.ts'
import { createBackOff, type BackOff } from './back-off.ts'
import { ContainerConfigError, containerEnv, type Secrets } from './container-env.ts'
import { pretendProcess, startProcess, type ContainerProcess, type ProcessExit } from './container-process.ts'
import { lastLines } from './pod-log.ts'
import { backedOffContainer, runningContainer, terminatedContainer, waitingContainer } from './pod-status.ts'
import { probeContainer, type ProbePorts } from './probe.ts'
import type { ContainerRun, Sandbox } from './sandbox.ts'
import { kubernetesTime, type StoredPod, type Wire } from './wire.ts'

type Container = Wire<V1Container>

/** What runs in each Pod's containers, in place of an image. */
export type RunPods = {
  /** A JavaScript file. */
  readonly entry: string
  /** What each container is given besides the Pod's own environment, which goes first. */
  readonly env?: Readonly<Record<string, string>>
}

/** What containers are run with. */
export type Runtime = {
  readonly runPods: RunPods | null
  readonly backoffFactor: number
  /** The folder for the Pods' files. */
  readonly folder: string
  readonly secrets: Secrets
  /** Why no image can be had at the moment; null where they can. */
  imageProblem(): ImageProblem | null
  /** Tells that images or Secrets may be there now. */
  readonly retries: EventEmitter<{ retry: [] }>
}

export type ImageProblem = 'ErrImagePull' | 'ErrImageNeverPull'

/** What a kubelet keeps of a log as termination message. */
const MESSAGE_LINES = '80'
const MESSAGE_BYTES = 2048

/** Runs a container, again and again as its Pod's restartPolicy says; `first` is a run that goes on already. */
export async function runContainer(
  runtime: Runtime,
  sandbox: Sandbox,
  container: Container,
  first: ContainerProcess | null = null,
): Promise<void> {
  const run = runOf(sandbox, container.name)
  const backOff = createBackOff(runtime.backoffFactor)
  run.process = first
  while (run.process !== null || !sandbox.stopping.signal.aborted) {
    run.process ??= await startContainer(runtime, sandbox, container)
    if (run.process === null) return
    const exit = await run.process.exited
    reportExit(sandbox, container, run.process, exit)
    run.previousLog = run.process.log
    run.process = null
    if (sandbox.stopping.signal.aborted || !isToRestart(sandbox.pod(), exit)) return
    await waitForRestart(sandbox, container, backOff)
  }
}

async function waitForRestart(sandbox: Sandbox, container: Container, backOff: BackOff): Promise<void> {
  const { waitMs, said } = backOff.next()
  const pod = sandbox.pod()
  if (waitMs === 0 || pod === null) return
  const { name, namespace, uid } = pod.metadata
  const message = `back-off ${said} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`
  sandbox.reportContainer(container.name, (before) => backedOffContainer(before, message))
  await delay(waitMs, undefined, { signal: sandbox.stopping.signal, ref: false }).catch(() => undefined)
}

/** What there is of a container's runs. */
export function runOf(sandbox: Sandbox, name: string): ContainerRun {
  const run = sandbox.runs.get(name) ?? { process: null, previousLog: null, over: Promise.resolve() }
  sandbox.runs.set(name, run)
  return run
}

function isToRestart(pod: StoredPod | null, { exitCode }: ProcessExit): boolean {
  const policy = pod?.spec.restartPolicy
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

function reportExit(sandbox: Sandbox, container: Container, { log }: ContainerProcess, exit: ProcessExit): void {
  const isTold = container.terminationMessagePolicy === 'FallbackToLogsOnError' && exit.exitCode !== 0
  const message = isTold ? lastBytes(lastLines(log.text(), MESSAGE_LINES)) : ''
  sandbox.reportContainer(container.name, (before) =>
    terminatedContainer(before, {
      ...exit,
      ...(message === '' ? {} : { message }),
      startedAt: before.state?.running?.startedAt ?? kubernetesTime(),
    }),
  )
}

function lastBytes(text: string): string {
  return Buffer.from(text).subarray(-MESSAGE_BYTES).toString('utf8')
}

/** Null where the Pod was stopped before it came to that. */
async function startContainer(
  runtime: Runtime,
  sandbox: Sandbox,
  container: Container,
): Promise<ContainerProcess | null> {
  const { signal } = sandbox.stopping
  if (sandbox.isPretended) return pretendContainer(sandbox, container)
  await pullImage(runtime, sandbox, container)
  const made = await makeEnv(runtime, sandbox, container)
  const pod = sandbox.pod()
  if (made === null || pod === null || signal.aborted || runtime.runPods === null) return null
  const process = startProcess(runtime.runPods.entry, made.env, made.folder)
  await process.started
  sandbox.reportContainer(container.name, (before) => runningContainer(pod.spec, container, before))
  followProbes(sandbox, container, process, made)
  return process
}

function pretendContainer(sandbox: Sandbox, container: Container): ContainerProcess | null {
  const pod = sandbox.pod()
  if (pod === null) return null
  const process = pretendProcess()
  sandbox.reportContainer(container.name, (before) => ({
    ...runningContainer(pod.spec, container, before),
    ready: true,
  }))
  return process
}

function followProbes(sandbox: Sandbox, container: Container, process: ContainerProcess, ports: ProbePorts): void {
  const over = new AbortController()
  const graceMs = (sandbox.pod()?.spec.terminationGracePeriodSeconds ?? 30) * 1000
  void process.exited.then(() => over.abort())
  const results = {
    setReady: (ready: boolean) => sandbox.reportContainer(container.name, (before) => ({ ...before, ready })),
    onDead() {
      process.terminate()
      const timer = setTimeout(() => process.kill(), graceMs)
      over.signal.addEventListener('abort', () => clearTimeout(timer))
    },
  }
  probeContainer(container, ports, results, AbortSignal.any([over.signal, sandbox.stopping.signal]))
}

async function pullImage(runtime: Runtime, sandbox: Sandbox, container: Container): Promise<void> {
  const { image = '', name } = container
  const { signal } = sandbox.stopping
  const backOff = createBackOff(runtime.backoffFactor)
  const say = (reason: string, message: string) =>
    sandbox.reportContainer(name, (before) => {
      const said = waitingContainer(container, reason, message)
      return before === undefined ? said : { ...before, ...(said.state === undefined ? {} : { state: said.state }) }
    })
  backOff.next()
  for (let problem = runtime.imageProblem(); problem !== null && !signal.aborted; problem = runtime.imageProblem()) {
    if (problem === 'ErrImageNeverPull')
      say(problem, `Container image "${image}" is not present with pull policy of Never`)
    else {
      const why = pullError(image)
      say(problem, why)
      say('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${why}`)
    }
    await waitForRetry(runtime, backOff.next().waitMs, signal)
  }
}

function pullError(image: string): string {
  const full = `docker.io/${image}`
  return `rpc error: code = NotFound desc = failed to pull and unpack image "${full}": failed to resolve reference "${full}": ${full}: not found`
}

type Made = ProbePorts & { readonly env: NodeJS.ProcessEnv; readonly folder: string }

/** Null where the Pod was stopped before all was there that its environment is made of. */
async function makeEnv(runtime: Runtime, sandbox: Sandbox, container: Container): Promise<Made | null> {
  const { signal } = sandbox.stopping
  const folder = join(runtime.folder, sandbox.uid)
  const volumePath = (name: string) => join(folder, 'volumes', name)
  await Promise.all((container.volumeMounts ?? []).map(({ name }) => mkdir(volumePath(name), { recursive: true })))
  await mkdir(join(folder, 'tmp'), { recursive: true })
  for (let pod = sandbox.pod(); pod !== null && !signal.aborted; pod = sandbox.pod()) {
    try {
      const own = containerEnv(pod, container, runtime.secrets, volumePath)
      const health = 'HEALTH_PORT' in own ? { said: Number(own['HEALTH_PORT']), real: await findFreePort(null) } : null
      const base = { PATH: process.env['PATH'], HOSTNAME: pod.metadata.name, HOME: folder, TMPDIR: join(folder, 'tmp') }
      const replaced = health === null ? {} : { HEALTH_PORT: String(health.real) }
      return { folder, health, env: { ...base, ...runtime.runPods?.env, ...own, ...replaced } }
    } catch (error) {
      if (!(error instanceof ContainerConfigError)) throw error
      const said = waitingContainer(container, 'CreateContainerConfigError', error.message)
      sandbox.reportContainer(container.name, (before) => ({ ...said, ...before, state: said.state ?? {} }))
      await waitForRetry(runtime, 10_000 * runtime.backoffFactor, signal)
    }
  }
  return null
}

async function waitForRetry({ retries }: Runtime, waitMs: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const waited = delay(waitMs, undefined, { signal: either, ref: false }).catch(() => undefined)
  const retried = once(retries, 'retry', { signal: either }).catch(() => undefined)
  await Promise.race([waited, retried])
  over.abort()
}
