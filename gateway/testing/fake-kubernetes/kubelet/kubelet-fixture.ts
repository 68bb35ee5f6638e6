import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, vi } from 'vitest'

import { callApi, collectEvents, type WatchEvent } from '../call-api.ts'
import { startFakeKubernetes, type FakeKubernetes, type FakeKubernetesOptions, type Pod } from '../index.ts'
import { WAIT } from '../../../../shared/testing/until.ts'

export const PODS = '/api/v1/namespaces/tallylight/pods'

/** A program that acts by its variable DO. It writes its report to the file OUT once it handles signals. */
const ENTRY = `
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
const { DO, OUT, HEALTH_PORT } = process.env
const doing = {
  fail() { for (let line = 1; line <= 100; line++) console.log('line ' + line); process.exitCode = 3 },
  shout() { console.log('a'.repeat(3000)); process.exitCode = 3 },
  end() {},
  serve() {
    let isAlive = true
    const server = createServer((request, response) => {
      if (request.url === '/die') isAlive = false
      response.writeHead(isAlive || request.url !== '/healthz' ? 200 : 500).end()
    })
    server.listen(Number(HEALTH_PORT), '127.0.0.1')
  },
  deaf() { process.on('SIGTERM', () => console.log('heard')); setInterval(() => undefined, 1000) },
  family() { const child = spawn('sleep', ['300']); process.env.CHILD = String(child.pid); setInterval(() => undefined, 1000) },
  idle() { setInterval(() => undefined, 1000) },
}
doing[DO ?? 'idle']()
if (OUT !== undefined) writeFileSync(OUT, JSON.stringify({ ...process.env, PID: String(process.pid) }))
`

export const folder = join(tmpdir(), `kubelet-${process.pid}`)
export const entry = join(folder, 'entry.mjs')

/** Creates the folder with the program; to be called before the tests of a file. */
export async function makeFolder(): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(entry, ENTRY)
}
/** Removes the folder with the program. */
export const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true })

/** Starts a cluster whose Pods run the program above, with hardly any backoff. */
export function startCluster(
  env: Readonly<Record<string, string>> = {},
  options: FakeKubernetesOptions = {},
): Promise<FakeKubernetes> {
  return startFakeKubernetes({ runPods: { entry, env }, backoffFactor: 0.001, ...options })
}

export type Container = NonNullable<Pod['spec']>['containers'][number]

/** Creates a Pod with this container only. */
export async function createPod(
  fake: FakeKubernetes,
  container: Partial<Container>,
  spec: Partial<Pod['spec']> & { readonly name?: string } = {},
): Promise<void> {
  const { name = 'a', ...podSpec } = spec
  const containers = [{ name: 'monitor', image: 'example/worker:1', ...container }]
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { restartPolicy: 'OnFailure', ...podSpec, containers },
  }
  const { status, text } = await callApi(fake, 'POST', PODS, { body })
  if (status !== 201) throw new Error(text)
}

const statusOf = (events: readonly WatchEvent[]) => events.at(-1)?.object.status ?? {}

/** Waits for the first watch event whose status satisfies `isExpected`. */
export async function waitForStatus(
  fake: FakeKubernetes,
  isExpected: (status: WatchEvent['object']['status']) => boolean,
): Promise<WatchEvent> {
  const events = await collectEvents(fake, `${PODS}?watch=1&resourceVersion=1`, (all) => isExpected(statusOf(all)))
  const last = events.at(-1)
  if (last === undefined) throw new Error('the watch has ended')
  return last
}

/** Returns the status of the first container in an event. */
export const firstContainer = ({ object }: WatchEvent) => object.status.containerStatuses?.[0]
/** Returns whether a Pod is running. */
export const isRunning = (status: WatchEvent['object']['status']) => status.phase === 'Running'
/** Returns a check whether the first container waits for this reason. */
export const isWaitingFor = (reason: string) => (status: WatchEvent['object']['status']) =>
  status.containerStatuses?.[0]?.state?.waiting?.reason === reason

/** Waits until the report of a program is complete, and returns it. */
export function readReport(out: string): Promise<Record<string, string>> {
  return vi.waitFor(async () => JSON.parse(await readFile(out, 'utf8')), WAIT)
}

/** Returns whether a process exists. */
export function isAlive(pid: string | undefined): boolean {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

/** Runs another Pod from its creation to its deletion. By then the kubelet has begun everything it had to do before. */
export async function runAnotherPod(fake: FakeKubernetes, name: string): Promise<void> {
  await createPod(fake, {}, { name })
  await collectEvents(fake, `${PODS}?watch=1&fieldSelector=metadata.name%3D${name}&resourceVersion=1`, (all) =>
    isRunning(statusOf(all)),
  )
  await callApi(fake, 'DELETE', `${PODS}/${name}`)
  await vi.waitFor(() => expect(fake.pod(name)).toBeNull(), WAIT)
}
