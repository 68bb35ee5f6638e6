import { once, type EventEmitter } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { V1Container } from '@kubernetes/client-node'

import { findFreePort } from '../../../adapters/http/free-port.ts'
import { createBackoff, type Backoff } from './backoff.ts'
import { ContainerConfigError, buildContainerEnv, type Secrets } from './container-env.ts'
import { simulateProcess, startProcess, type ContainerProcess, type ProcessExit } from './container-process.ts'
import { takeLastLines } from '../api/pod-log.ts'
import { backedOffContainer, runningContainer, terminatedContainer, waitingContainer } from './pod-status.ts'
import { startProbes, type ProbePorts } from './probe.ts'
import type { ContainerRun, Sandbox } from './sandbox.ts'
import { formatTime, type StoredPod, type Wire } from '../wire.ts'

type Container = Wire<V1Container>

/** The program that every container runs in place of its image. */
export type PodProgram = {
  /** The path of a JavaScript file. */
  readonly entry: string
  /** Variables for every container. The Pod's own environment takes precedence. */
  readonly env?: Readonly<Record<string, string>>
}

/** The surroundings of all containers of a node. */
export type ContainerRuntime = {
  readonly runPods: PodProgram | null
  readonly backoffFactor: number
  /** The folder of the Pods' files. */
  readonly folder: string
  readonly secrets: Secrets
  /** Returns why images cannot be pulled at the moment; null if they can. */
  imageProblem(): ImageProblem | null
  /** Emits `retry` when images or Secrets may have become available. */
  readonly retries: EventEmitter<{ retry: [] }>
}

export type ImageProblem = 'ErrImagePull' | 'ErrImageNeverPull'

/** The part of a log that a kubelet keeps as the termination message. */
const MESSAGE_LINES = '80'
const MESSAGE_BYTES = 2048

/** Runs a container and restarts it by its Pod's restartPolicy. `first` is a run that has already started. */
export async function runContainer(
  runtime: ContainerRuntime,
  sandbox: Sandbox,
  container: Container,
  first: ContainerProcess | null = null,
): Promise<void> {
  const run = getContainerRun(sandbox, container.name)
  const backoff = createBackoff(runtime.backoffFactor)
  run.process = first
  while (run.process !== null || !sandbox.stopping.signal.aborted) {
    run.process ??= await startContainer(runtime, sandbox, container)
    if (run.process === null) return
    const exit = await run.process.exited
    reportExit(sandbox, container, run.process, exit)
    run.previousLog = run.process.log
    run.process = null
    if (sandbox.stopping.signal.aborted || !shouldRestart(sandbox.pod(), exit)) return
    await waitForRestart(sandbox, container, backoff)
  }
}

async function waitForRestart(sandbox: Sandbox, container: Container, backoff: Backoff): Promise<void> {
  const { waitMs, text } = backoff.next()
  const pod = sandbox.pod()
  if (waitMs === 0 || pod === null) return
  const { name, namespace, uid } = pod.metadata
  const message = `back-off ${text} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`
  sandbox.reportContainer(container.name, (before) => backedOffContainer(before, message))
  await delay(waitMs, undefined, { signal: sandbox.stopping.signal, ref: false }).catch(() => undefined)
}

/** Returns the record of a container's runs, and creates it if there is none. */
export function getContainerRun(sandbox: Sandbox, name: string): ContainerRun {
  const run = sandbox.runs.get(name) ?? { process: null, previousLog: null, finished: Promise.resolve() }
  sandbox.runs.set(name, run)
  return run
}

function shouldRestart(pod: StoredPod | null, { exitCode }: ProcessExit): boolean {
  const policy = pod?.spec.restartPolicy
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

function reportExit(sandbox: Sandbox, container: Container, { log }: ContainerProcess, exit: ProcessExit): void {
  const hasMessage = container.terminationMessagePolicy === 'FallbackToLogsOnError' && exit.exitCode !== 0
  const message = hasMessage ? lastBytes(takeLastLines(log.text(), MESSAGE_LINES)) : ''
  sandbox.reportContainer(container.name, (before) =>
    terminatedContainer(before, {
      ...exit,
      ...(message === '' ? {} : { message }),
      startedAt: before.state?.running?.startedAt ?? formatTime(),
    }),
  )
}

function lastBytes(text: string): string {
  return Buffer.from(text).subarray(-MESSAGE_BYTES).toString('utf8')
}

/** Starts one run of a container. Returns null if the Pod was stopped before. */
async function startContainer(
  runtime: ContainerRuntime,
  sandbox: Sandbox,
  container: Container,
): Promise<ContainerProcess | null> {
  const { signal } = sandbox.stopping
  if (sandbox.isSimulated) return simulateContainer(sandbox, container)
  await pullImage(runtime, sandbox, container)
  const prepared = await prepareContainer(runtime, sandbox, container)
  const pod = sandbox.pod()
  if (prepared === null || pod === null || signal.aborted || runtime.runPods === null) return null
  const process = startProcess(runtime.runPods.entry, prepared.env, prepared.folder)
  await process.started
  sandbox.reportContainer(container.name, (before) => runningContainer(pod.spec, container, before))
  startContainerProbes(sandbox, container, process, prepared)
  return process
}

function simulateContainer(sandbox: Sandbox, container: Container): ContainerProcess | null {
  const pod = sandbox.pod()
  if (pod === null) return null
  const process = simulateProcess()
  sandbox.reportContainer(container.name, (before) => ({
    ...runningContainer(pod.spec, container, before),
    ready: true,
  }))
  return process
}

function startContainerProbes(
  sandbox: Sandbox,
  container: Container,
  process: ContainerProcess,
  ports: ProbePorts,
): void {
  const ended = new AbortController()
  const graceMs = (sandbox.pod()?.spec.terminationGracePeriodSeconds ?? 30) * 1000
  void process.exited.then(() => ended.abort())
  const results = {
    setReady: (ready: boolean) => sandbox.reportContainer(container.name, (before) => ({ ...before, ready })),
    onDead() {
      process.terminate()
      const timer = setTimeout(() => process.kill(), graceMs)
      ended.signal.addEventListener('abort', () => clearTimeout(timer))
    },
  }
  startProbes(container, ports, results, AbortSignal.any([ended.signal, sandbox.stopping.signal]))
}

async function pullImage(runtime: ContainerRuntime, sandbox: Sandbox, container: Container): Promise<void> {
  const { image = '', name } = container
  const { signal } = sandbox.stopping
  const backoff = createBackoff(runtime.backoffFactor)
  const report = (reason: string, message: string) =>
    sandbox.reportContainer(name, (before) => {
      const waiting = waitingContainer(container, reason, message)
      const { state } = waiting
      return before === undefined ? waiting : { ...before, ...(state === undefined ? {} : { state }) }
    })
  backoff.next()
  for (let problem = runtime.imageProblem(); problem !== null && !signal.aborted; problem = runtime.imageProblem()) {
    if (problem === 'ErrImageNeverPull')
      report(problem, `Container image "${image}" is not present with pull policy of Never`)
    else {
      const why = formatPullError(image)
      report(problem, why)
      report('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${why}`)
    }
    await waitForRetry(runtime, backoff.next().waitMs, signal)
  }
}

function formatPullError(image: string): string {
  const full = `docker.io/${image}`
  return `rpc error: code = NotFound desc = failed to pull and unpack image "${full}": failed to resolve reference "${full}": ${full}: not found`
}

type PreparedContainer = ProbePorts & { readonly env: NodeJS.ProcessEnv; readonly folder: string }

/** Prepares the environment and the folders of a container. Returns null if the Pod was stopped before they were ready. */
async function prepareContainer(
  runtime: ContainerRuntime,
  sandbox: Sandbox,
  container: Container,
): Promise<PreparedContainer | null> {
  const { signal } = sandbox.stopping
  const folder = join(runtime.folder, sandbox.uid)
  const volumePath = (name: string) => join(folder, 'volumes', name)
  await Promise.all((container.volumeMounts ?? []).map(({ name }) => mkdir(volumePath(name), { recursive: true })))
  await mkdir(join(folder, 'tmp'), { recursive: true })
  for (let pod = sandbox.pod(); pod !== null && !signal.aborted; pod = sandbox.pod()) {
    try {
      const own = buildContainerEnv(pod, container, runtime.secrets, volumePath)
      const health =
        'HEALTH_PORT' in own ? { declared: Number(own['HEALTH_PORT']), actual: await findFreePort(null) } : null
      const base = { PATH: process.env['PATH'], HOSTNAME: pod.metadata.name, HOME: folder, TMPDIR: join(folder, 'tmp') }
      const replaced = health === null ? {} : { HEALTH_PORT: String(health.actual) }
      return { folder, health, env: { ...base, ...runtime.runPods?.env, ...own, ...replaced } }
    } catch (error) {
      if (!(error instanceof ContainerConfigError)) throw error
      const waiting = waitingContainer(container, 'CreateContainerConfigError', error.message)
      sandbox.reportContainer(container.name, (before) => ({ ...waiting, ...before, state: waiting.state ?? {} }))
      await waitForRetry(runtime, 10_000 * runtime.backoffFactor, signal)
    }
  }
  return null
}

async function waitForRetry({ retries }: ContainerRuntime, waitMs: number, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  const either = AbortSignal.any([signal, ended.signal])
  const waited = delay(waitMs, undefined, { signal: either, ref: false }).catch(() => undefined)
  const retried = once(retries, 'retry', { signal: either }).catch(() => undefined)
  await Promise.race([waited, retried])
  ended.abort()
}
