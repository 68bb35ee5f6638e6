import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { validate } from 'dockerfile-utils'
import { afterAll, describe, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { buildPod } from '../../gateway/adapters/kubernetes/pod-spec.ts'
import { INGEST_ROLE, LIVE_ROLE, MONITOR_ROLE } from '../../gateway/adapters/kubernetes/testing/roles.ts'
import { listCopies, isIgnored, readDockerfile, type Stage } from './dockerfile.ts'
import { readInstallation, readSource } from './installation.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FILES = ['gateway/Dockerfile', 'worker/Dockerfile'] as const
const [GATEWAY, WORKER] = [readDockerfile(FILES[0]), readDockerfile(FILES[1])]
const IMAGES = [last(GATEWAY, ''), last(WORKER, 'all-in-one'), last(WORKER, 'worker')]

describe.each(FILES)('%s', (file) => {
  const stages = readDockerfile(file)
  const runs = textsOf(stages, 'RUN')

  test('passes the linter', () => {
    expect(validate(readSource(file))).toEqual([])
    expect(validate(`${readSource(file)}\nCOPPY a b\n`)).toHaveLength(1)
  })

  test('has the same base image of an exact version as the other one', () => {
    const names = new Set(stages.map(({ name }) => name))
    const bases = stages.map(({ base }) => base).filter((base) => !names.has(base))
    expect(new Set(bases)).toEqual(new Set([GATEWAY[0]?.base]))
    expect(bases[0]).toMatch(/^node:\d+\.\d+\.\d+-[a-z]+-slim$/)
  })

  test('copies only existing paths that .dockerignore includes', () => {
    const copied = stages.flatMap(listCopies).map(({ source }) => source)
    expect(copied).toContain('package-lock.json')
    expect(copied.filter((path) => !existsSync(join(ROOT, path)) || isIgnored(path))).toEqual([])
  })

  test('installs only locked or pinned packages', () => {
    for (const run of runs.filter((text) => text.includes('npm'))) expect(run).toMatch(/npm ci --omit=dev|rm -rf .*npm/)
    for (const run of runs.filter((text) => text.includes('apt-get install'))) {
      expect(run).toMatch(/apt-get update .*apt-get install -y --no-install-recommends /)
    }
    const installed = runs.flatMap((text) => /pip install (.*?)\s+&&/.exec(text)?.[1]?.split(/\s+/) ?? [])
    const requirements = installed.filter((word) => !/^(?:--[\w-]+|:all:)$/.test(word))
    for (const requirement of requirements) expect(requirement).toMatch(/^"[\w-]+(?:\[[\w,]+\])?==\$\{\w+\}"$/)
    expect(requirements).toHaveLength(file === 'worker/Dockerfile' ? 2 : 0)
  })

  test('contains no secret', () => {
    for (const text of [...textsOf(stages, 'ENV'), ...textsOf(stages, 'ARG')]) {
      expect(text).not.toMatch(/\w*(?:KEY|TOKEN|SECRET|PASSWORD|DATABASE_URL)\w*=/i)
    }
  })
})

test('every image runs as the numeric user of the Pods', () => {
  const { gateway, migration } = readInstallation('k8s')
  const spec = buildPod({ name: 'a', kind: 'monitor', assignmentId: 'a', env: {} }, MONITOR_ROLE, {
    namespace: 'tallylight',
    image: 'worker:1',
    secret: 'none',
    owner: null,
  }).spec
  const pods = [gateway.spec?.template.spec, migration.spec?.template.spec, spec]
  const users = pods.map((pod) => `${pod?.securityContext?.runAsUser}:${pod?.securityContext?.runAsGroup}`)
  expect(new Set([...users, ...IMAGES.map((stage) => textsOf([stage], 'USER').at(-1))])).toEqual(
    new Set(['10001:10001']),
  )
})

test('the images name the ports that they listen on', () => {
  const options = { namespace: 'tallylight', image: 'worker:1', secret: 'none', owner: null }
  const ports = [INGEST_ROLE, LIVE_ROLE].flatMap((role) => {
    const pod = buildPod({ name: 'a', kind: role.kind, assignmentId: 'a', env: {} }, role, options)
    const all = pod.spec?.containers[0]?.ports ?? []
    return all.map((one) => `${one.containerPort}${one.protocol === 'UDP' ? '/udp' : ''}`)
  })
  const exposed = (stage: string) => textsOf([last(WORKER, stage)], 'EXPOSE').flatMap((text) => text.split(' '))
  expect(new Set(exposed('worker'))).toEqual(new Set(ports))
  expect(exposed('all-in-one')).toEqual(['8080', '1935', '1936', '8189/udp'])
})

test('the worker image starts a worker with the options of the process launcher', () => {
  const source = readSource('gateway/adapters/process/launcher.ts')
  const [, options = ''] = /const NODE_OPTIONS = \[(.+)\]/.exec(source) ?? []
  const [, memory = ''] = /const MALLOC_ENV = \{ (.+) \}/.exec(source) ?? []
  const [command = ''] = textsOf([last(WORKER, 'worker')], 'CMD')
  expect(JSON.parse(command)).toEqual(['node', ...options.replaceAll("'", '').split(', '), 'worker/main.mjs'])
  expect(textsOf([last(WORKER, 'worker')], 'ENV')).toContain(memory.replaceAll(/: '(\d+)',?/g, '=$1').trim())
})

test('the build context contains sources, and no tests, manifests or local files', () => {
  const outside = [
    '.git/config',
    '.env',
    '.data/keys.json',
    'node_modules/hono/package.json',
    'compose.yaml',
    'k8s/base',
    'k8s/testing/installation.ts',
    'gateway/bench/main.ts',
  ]
  const sources = ['gateway/node.ts', 'worker/main.ts', 'shared/ids.ts', 'gateway/demo/demo.ts', 'drizzle/migrations']
  const tests = ['gateway/app.test.ts', 'worker/monitors/run.e2e.test.ts', 'gateway/testing/launcher.conformance.ts']
  expect([...outside, ...tests].filter((path) => !isIgnored(path))).toEqual([])
  expect(sources.filter(isIgnored)).toEqual([])
})

describe('with only the files that its Dockerfile copies', () => {
  const folders: string[] = []
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

  /** Makes the folder of an image's build stage, with the packages of this machine. */
  function build(stages: readonly Stage[]): string {
    const folder = mkdtempSync(join(tmpdir(), 'tallylight-image-'))
    folders.push(folder)
    const copied = listCopies(stages[0] ?? { name: '', base: '', instructions: [] })
    const filter = (source: string) => !isIgnored(source.slice(ROOT.length))
    for (const { source, target } of copied)
      cpSync(join(ROOT, source), join(folder, target), { recursive: true, filter })
    for (const path of removedSources(stages)) rmSync(join(folder, path), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    return folder
  }

  function run(folder: string, [, ...args]: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...env },
      encoding: 'utf8',
      timeout: PATIENCE_MS,
    })
    return { status, output: stdout + stderr }
  }

  test('the gateway image contains no test code and no demo', () => {
    const folder = build(GATEWAY)
    const paths = ['gateway', 'shared'].flatMap((half) =>
      readdirSync(join(folder, half), { recursive: true, encoding: 'utf8' }),
    )
    expect(paths.filter((path) => ['testing', 'demo'].includes(basename(path)))).toEqual([])
  })

  test('the gateway starts, and names its missing settings', () => {
    const folder = build(GATEWAY)
    const [command = ''] = textsOf([last(GATEWAY, '')], 'CMD')
    const { status, output } = run(folder, JSON.parse(command), { NODE_ENV: 'production', LAUNCHER: 'kubernetes' })
    expect(output).toContain('API_KEY must be set in production')
    expect(output).toContain('WORKER_IMAGE must be set')
    expect(status).toBe(1)
  })

  test('the worker is bundled, starts, and names its missing settings', () => {
    const folder = build(WORKER)
    const [script = ''] = textsOf(WORKER.slice(0, 1), 'RUN').flatMap((text) => /--eval "(.+?)"/.exec(text)?.[1] ?? [])
    const here = script.replace('/app/', `${folder}/`).replace('/out', join(folder, 'out'))
    expect(run(folder, ['node', '--import', 'tsx', '--eval', here])).toEqual({ status: 0, output: '' })
    const [command = ''] = textsOf([last(WORKER, 'worker')], 'CMD')
    const words = (JSON.parse(command) as string[]).map((word) =>
      word.replace('worker/main.mjs', 'out/worker/main.mjs'),
    )
    const { status, output } = run(folder, words)
    expect(output).toContain('WORKER_KIND must be one of')
    expect(status).toBe(2)
  })
})

/** Lists the copied paths that the build stage removes again: `rm -rf gateway/testing …`. */
function removedSources(stages: readonly Stage[]): readonly string[] {
  const removals = textsOf(stages.slice(0, 1), 'RUN').flatMap((text) => /^rm -rf ([^&]+)/.exec(text)?.[1] ?? [])
  return removals.flatMap((paths) => paths.trim().split(/\s+/))
}

function last(stages: readonly Stage[], name: string): Stage {
  const found = stages.findLast((stage) => stage.name === name)
  if (found === undefined) throw new Error(`there is no stage ${name}`)
  return found
}

function textsOf(stages: readonly Stage[], name: string): string[] {
  return stages.flatMap(({ instructions }) => instructions.filter((one) => one.name === name).map(({ text }) => text))
}
