import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, vi } from 'vitest'

import { ask, watch, type WatchEvent } from './ask.ts'
import { startFakeKubernetes, type FakeKubernetes, type FakeKubernetesOptions, type Pod } from './index.ts'

export const PODS = '/api/v1/namespaces/tallylight/pods'

/** Does what the variable DO says; what it writes to OUT is written once it listens to signals. */
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

/** The folder with what Pods run: before a file's tests, and after them. */
export async function makeFolder(): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(entry, ENTRY)
}
export const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true })

/** A cluster whose Pods run what is above; waits are next to none. */
export function start(
  env: Readonly<Record<string, string>> = {},
  options: FakeKubernetesOptions = {},
): Promise<FakeKubernetes> {
  return startFakeKubernetes({ runPods: { entry, env }, backoffFactor: 0.001, ...options })
}

export type Container = NonNullable<Pod['spec']>['containers'][number]

/** Has a Pod created whose only container is this one. */
export async function create(
  fake: FakeKubernetes,
  container: Partial<Container>,
  spec: Partial<Pod['spec']> & { readonly name?: string } = {},
): Promise<void> {
  const { name = 'a', ...rest } = spec
  const containers = [{ name: 'monitor', image: 'example/worker:1', ...container }]
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { restartPolicy: 'OnFailure', ...rest, containers },
  }
  const { status, text } = await ask(fake, 'POST', PODS, { body })
  if (status !== 201) throw new Error(text)
}

const statusOf = (events: readonly WatchEvent[]) => events.at(-1)?.object.status ?? {}

/** The first event of which that holds. */
export async function until(
  fake: FakeKubernetes,
  holds: (status: WatchEvent['object']['status']) => boolean,
): Promise<WatchEvent> {
  const events = await watch(fake, `${PODS}?watch=1&resourceVersion=1`, (all) => holds(statusOf(all)))
  const last = events.at(-1)
  if (last === undefined) throw new Error('the watch has ended')
  return last
}

export const container = ({ object }: WatchEvent) => object.status.containerStatuses?.[0]
export const isRunning = (status: WatchEvent['object']['status']) => status.phase === 'Running'
export const waitsFor = (reason: string) => (status: WatchEvent['object']['status']) =>
  status.containerStatuses?.[0]?.state?.waiting?.reason === reason

/** What a process of a Pod has told of itself, once it has. */
export async function read(out: string): Promise<Record<string, string>> {
  await vi.waitFor(() => expect(existsSync(out)).toBe(true), 10_000)
  return JSON.parse(await readFile(out, 'utf8'))
}

export function isAlive(pid: string | undefined): boolean {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

/** Resolves once the kubelet has had another Pod come and go: what it was to do before, it has begun. */
export async function anotherLife(fake: FakeKubernetes, name: string): Promise<void> {
  await create(fake, {}, { name })
  await watch(fake, `${PODS}?watch=1&fieldSelector=metadata.name%3D${name}&resourceVersion=1`, (all) =>
    isRunning(statusOf(all)),
  )
  await ask(fake, 'DELETE', `${PODS}/${name}`)
  await vi.waitFor(() => expect(fake.pod(name)).toBeNull(), 10_000)
}
