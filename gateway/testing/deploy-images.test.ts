import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { validate } from 'dockerfile-utils'
import { afterAll, describe, expect, test } from 'vitest'

import { podFor } from '../adapters/kubernetes/pod-spec.ts'
import { MONITOR_ROLE } from '../adapters/kubernetes/testing/monitor-role.ts'
import { copiedBy, isIgnored, readDockerfile, type Stage } from './dockerfile.ts'
import { readInstallation, readSource } from './installation.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FILES = ['gateway/Dockerfile', 'worker/Dockerfile'] as const
const [GATEWAY, WORKER] = [readDockerfile(FILES[0]), readDockerfile(FILES[1])]
const IMAGES = [last(GATEWAY, ''), last(WORKER, 'all-in-one'), last(WORKER, 'worker')]

describe.each(FILES)('%s', (file) => {
  const stages = readDockerfile(file)
  const runs = textsOf(stages, 'RUN')

  test('has nothing that a linter finds', () => {
    expect(validate(readSource(file))).toEqual([])
    expect(validate(`${readSource(file)}\nCOPPY a b\n`)).toHaveLength(1)
  })

  test('stands on one base image of an exact version, the same in both', () => {
    const names = new Set(stages.map(({ name }) => name))
    const bases = stages.map(({ base }) => base).filter((base) => !names.has(base))
    expect(new Set(bases)).toEqual(new Set([GATEWAY[0]?.base]))
    expect(bases[0]).toMatch(/^node:\d+\.\d+\.\d+-[a-z]+-slim$/)
  })

  test('copies what there is, and what .dockerignore lets through', () => {
    const copied = stages.flatMap(copiedBy).map(({ source }) => source)
    expect(copied).toContain('package-lock.json')
    expect(copied.filter((path) => !existsSync(join(ROOT, path)) || isIgnored(path))).toEqual([])
  })

  test('installs what is locked or named, and no more', () => {
    for (const run of runs.filter((text) => text.includes('npm'))) expect(run).toMatch(/npm ci --omit=dev|rm -rf .*npm/)
    for (const run of runs.filter((text) => text.includes('apt-get install'))) {
      expect(run).toMatch(/apt-get update .*apt-get install -y --no-install-recommends /)
    }
    const installed = runs.flatMap((text) => /pip install (.*?)\s+&&/.exec(text)?.[1]?.split(/\s+/) ?? [])
    const requirements = installed.filter((word) => !/^(?:--[\w-]+|:all:)$/.test(word))
    for (const requirement of requirements) expect(requirement).toMatch(/^"[\w-]+(?:\[[\w,]+\])?==\$\{\w+\}"$/)
    expect(requirements).toHaveLength(file === 'worker/Dockerfile' ? 2 : 0)
  })

  test('carries no secret', () => {
    for (const text of [...textsOf(stages, 'ENV'), ...textsOf(stages, 'ARG')]) {
      expect(text).not.toMatch(/\w*(?:KEY|TOKEN|SECRET|PASSWORD|DATABASE_URL)\w*=/i)
    }
  })
})

test('each image runs as the numeric user that the Pods name', () => {
  const { gateway, migration } = readInstallation('k8s')
  const spec = podFor({ name: 'a', kind: 'monitor', assignmentId: 'a', env: {} }, MONITOR_ROLE, {
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

test('a worker is started in its image as the process launcher starts it', () => {
  const source = readSource('gateway/adapters/local-process.ts')
  const [, options = ''] = /const NODE_OPTIONS = \[(.+)\]/.exec(source) ?? []
  const [, memory = ''] = /const MALLOC_ENV = \{ (.+) \}/.exec(source) ?? []
  const [command = ''] = textsOf([last(WORKER, 'worker')], 'CMD')
  expect(JSON.parse(command)).toEqual(['node', ...options.replaceAll("'", '').split(', '), 'worker/main.mjs'])
  expect(textsOf([last(WORKER, 'worker')], 'ENV')).toContain(memory.replaceAll(/: '(\d+)',?/g, '=$1').trim())
})

test('what is of no use in an image stays out of its context', () => {
  const outside = [
    '.git/config',
    '.env',
    '.data/keys.json',
    'node_modules/hono/package.json',
    'compose.yaml',
    'k8s/base',
  ]
  const ours = ['gateway/node.ts', 'worker/main.ts', 'shared/ids.ts', 'gateway/testing/demo.ts', 'drizzle/migrations']
  const tests = ['gateway/app.test.ts', 'worker/monitors/run.e2e.test.ts', 'gateway/adapters/launcher.conformance.ts']
  expect([...outside, ...tests].filter((path) => !isIgnored(path))).toEqual([])
  expect(ours.filter(isIgnored)).toEqual([])
})

describe('from nothing but what its Dockerfile copies', () => {
  const folders: string[] = []
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

  /** The build stage of an image, with the packages of this machine. */
  function build(stages: readonly Stage[]): string {
    const folder = mkdtempSync(join(tmpdir(), 'tallylight-image-'))
    folders.push(folder)
    const copied = copiedBy(stages[0] ?? { name: '', base: '', instructions: [] })
    const filter = (source: string) => !isIgnored(source.slice(ROOT.length))
    for (const { source, target } of copied)
      cpSync(join(ROOT, source), join(folder, target), { recursive: true, filter })
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    return folder
  }

  function run(folder: string, [, ...args]: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...env },
      encoding: 'utf8',
      timeout: 20_000,
    })
    return { status, said: stdout + stderr }
  }

  test('the gateway starts, and asks for its settings', () => {
    const folder = build(GATEWAY)
    rmSync(join(folder, 'gateway/testing'), { recursive: true })
    const [command = ''] = textsOf([last(GATEWAY, '')], 'CMD')
    const { status, said } = run(folder, JSON.parse(command), { NODE_ENV: 'production', LAUNCHER: 'kubernetes' })
    expect(said).toContain('API_KEY must be set in production')
    expect(said).toContain('WORKER_IMAGE must be set')
    expect(status).toBe(1)
  })

  test('the worker is made, starts, and asks for its assignment', () => {
    const folder = build(WORKER)
    const [script = ''] = textsOf(WORKER.slice(0, 1), 'RUN').flatMap((text) => /--eval "(.+?)"/.exec(text)?.[1] ?? [])
    const here = script.replace('/app/', `${folder}/`).replace('/out', join(folder, 'out'))
    expect(run(folder, ['node', '--import', 'tsx', '--eval', here])).toEqual({ status: 0, said: '' })
    const [command = ''] = textsOf([last(WORKER, 'worker')], 'CMD')
    const words = (JSON.parse(command) as string[]).map((word) =>
      word.replace('worker/main.mjs', 'out/worker/main.mjs'),
    )
    const { status, said } = run(folder, words)
    expect(said).toContain('WORKER_KIND must be one of')
    expect(status).toBe(2)
  })
})

function last(stages: readonly Stage[], name: string): Stage {
  const found = stages.findLast((stage) => stage.name === name)
  if (found === undefined) throw new Error(`there is no stage ${name}`)
  return found
}

function textsOf(stages: readonly Stage[], name: string): string[] {
  return stages.flatMap(({ instructions }) => instructions.filter((one) => one.name === name).map(({ text }) => text))
}
