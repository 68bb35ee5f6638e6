import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startFakeKubernetes, type FakeKubernetes, type Pod, type PolicyRule } from './index.ts'

const run = promisify(execFile)
const ALL: readonly PolicyRule[] = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]
const ENTRY = `
console.log('watching')
console.log('still watching')
process.on('SIGTERM', () => process.exit(0))
setInterval(() => undefined, 1000)
`
const POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', labels: { app: 'x' } },
  spec: { restartPolicy: 'OnFailure', containers: [{ name: 'monitor', image: 'example/worker:1' }] },
}

/** The kubectl programs of this machine: the one in the path, and older ones beside it. */
const KUBECTLS = [
  'kubectl',
  ...['1.27', '1.28', '1.29', '1.30', '1.31', '1.32', '1.33'].map((version) => `kubectl.${version}`),
]
  .flatMap((name) =>
    [...(process.env['PATH'] ?? '').split(delimiter), '/usr/lib/google-cloud-sdk/bin'].map((dir) => join(dir, name)),
  )
  .filter((path) => existsSync(path))
const newest = KUBECTLS[0] ?? 'kubectl'
const oldest = KUBECTLS.find((path) => path.includes('kubectl.')) ?? newest

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubectl-'))
  await writeFile(join(folder, 'entry.mjs'), ENTRY)
  await writeFile(join(folder, 'pod.json'), JSON.stringify(POD))
  await writeFile(join(folder, 'wrong.json'), JSON.stringify({ ...POD, spec: { ...POD.spec, surprise: 1 } }))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function start(options: { rules?: readonly PolicyRule[] } = { rules: ALL }): Promise<FakeKubernetes> {
  return startFakeKubernetes({ runPods: { entry: join(folder, 'entry.mjs') }, ...options })
}

/** kubectl keeps its discovery cache in its home directory. */
const env = () => ({ PATH: process.env['PATH'], HOME: folder })
const options = (fake: FakeKubernetes) => ['--kubeconfig', fake.secureKubeconfigPath]

describe.skipIf(KUBECTLS.length === 0)('kubectl with the fake cluster', () => {
  test.each([...new Set([newest, oldest])])(
    '%s creates, waits for, shows, changes, reads and deletes a Pod',
    async (kubectl) => {
      await using fake = await start()
      const runKubectl = async (...args: string[]) =>
        (await run(kubectl, [...options(fake), ...args], { env: env(), timeout: 20_000 })).stdout.trim()
      expect(await runKubectl('apply', '-f', join(folder, 'pod.json'))).toBe('pod/a created')
      expect(await runKubectl('wait', '--for=condition=Ready', 'pod/a', '--timeout=15s')).toBe('pod/a condition met')
      expect(await runKubectl('get', 'pods')).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE\na +1\/1 +Running +0 +\d+s$/)
      expect(await runKubectl('get', 'pods', '-l', 'app in (x)', '-o', 'jsonpath={.items[*].metadata.name}')).toBe('a')
      expect(await runKubectl('label', 'pod', 'a', 'tier=front')).toBe('pod/a labeled')
      expect(await runKubectl('apply', '-f', join(folder, 'pod.json'))).toMatch(/^pod\/a (?:unchanged|configured)$/)
      expect(await runKubectl('describe', 'pod', 'a')).toMatch(/Labels: +app=x\n +tier=front[^]*Ready +True/)
      await expect.poll(() => runKubectl('logs', 'a', '--tail=1')).toBe('still watching')
      expect(await runKubectl('get', 'deployment', 'tallylight-gateway', '-o', 'name')).toBe(
        'deployment.apps/tallylight-gateway',
      )
      expect(await runKubectl('delete', 'pod', 'a')).toMatch(/^pod "a" deleted/)
      expect(fake.pods()).toEqual([])
    },
  )

  test('watches, and receives each change', async () => {
    await using fake = await start()
    const watching = spawn(newest, [...options(fake), 'get', 'pods', '-w', '--no-headers'], { env: env() })
    try {
      const lines: string[] = []
      createInterface({ input: watching.stdout }).on('line', (line) => lines.push(line.replaceAll(/ +/g, ' ')))
      await expect.poll(() => fake.calls.some(({ path }) => path.includes('watch='))).toBe(true)
      await run(newest, [...options(fake), 'apply', '-f', join(folder, 'pod.json')], { env: env() })
      await expect.poll(() => lines.join('\n')).toContain('a 1/1 Running 0')
      expect(lines.join('\n')).toContain('a 0/1 ContainerCreating 0')
      await run(newest, [...options(fake), 'delete', 'pod', 'a', '--wait=false'], { env: env() })
      await expect.poll(() => lines.join('\n')).toContain('a 1/1 Terminating 0')
    } finally {
      watching.kill()
      await once(watching, 'exit')
    }
  })

  test('reports invalid fields and forbidden calls', async () => {
    await using fake = await start()
    const wrong = run(newest, [...options(fake), 'create', '-f', join(folder, 'wrong.json')], { env: env() })
    await expect(wrong).rejects.toThrow(/strict decoding error: unknown field "spec\.surprise"/)
    await using strict = await start({})
    await expect(run(newest, [...options(strict), 'get', 'secrets'], { env: env() })).rejects.toThrow(
      /the server doesn't have a resource type "secrets"|secrets is forbidden/,
    )
    await expect(run(newest, [...options(strict), 'label', 'pod', 'a', 'x=y'], { env: env() })).rejects.toThrow(
      /NotFound/,
    )
  })
})
