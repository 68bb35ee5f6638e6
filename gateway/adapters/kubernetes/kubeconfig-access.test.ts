import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { makeCertificate } from '../../../shared/testing/certificate.ts'
import { startFakeKubernetes } from '../../testing/fake-kubernetes/index.ts'
import { createPodClient } from './pod-client.ts'
import type { KubeconfigSource } from './kubeconfig.ts'
import { openKubeconfigAccess } from './kubeconfig-access.ts'
import { sendJson, startScriptedServer } from './testing/scripted-server.ts'

const EMPTY = { metadata: { resourceVersion: '1' }, items: [] }

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-credentials-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function open(source: Partial<KubeconfigSource>) {
  const access = await openKubeconfigAccess({ kubeconfig: null, root: '/nowhere', ...source })
  onTestFinished(() => access[Symbol.asyncDispose]())
  const client = createPodClient({ ...access, namespace: access.namespace ?? 'tallylight' })
  return { access, list: () => client.list({ selector: 'app=a', limit: 1 }) }
}

async function writeKubeconfig(cluster: object, user: object, folder?: string): Promise<string> {
  const path = join(folder ?? (await createFolder()), 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'watching' } }],
  }
  await writeFile(path, JSON.stringify(config))
  return path
}

/** Starts a server that accepts these tokens. */
async function startServer(accepted: { tokens: readonly string[] }, tls?: Parameters<typeof startScriptedServer>[1]) {
  return startScriptedServer(({ headers }, response) => {
    const isAccepted = accepted.tokens.some((token) => headers.authorization === `Bearer ${token}`)
    sendJson(response, isAccepted ? EMPTY : { message: 'Unauthorized' }, isAccepted ? 200 : 401)
  }, tls)
}

const inBase64 = (text: string) => Buffer.from(text).toString('base64')

/** Moves the clock forward. */
function advanceClock(ms: number): void {
  const now = performance.now.bind(performance)
  setClock(() => now() + ms)
}

/** Stops the clock, so that a slow machine does not make credentials grow old. */
function stopClock(): void {
  const stoppedMs = performance.now()
  setClock(() => stoppedMs)
}

function setClock(now: () => number): void {
  const spy = vi.spyOn(performance, 'now').mockImplementation(now)
  onTestFinished(() => spy.mockRestore())
}

describe('a kubeconfig', () => {
  test('provides the server, the namespace and the token of its current context', async () => {
    const kube = await startFakeKubernetes({ namespace: 'watching' })
    onTestFinished(() => kube[Symbol.asyncDispose]())
    const { access, list } = await open({ kubeconfig: kube.kubeconfigPath })
    expect(access).toMatchObject({ server: kube.url, namespace: 'watching' })
    expect(await access.getToken()).toBe(kube.token)
    expect(await list()).toMatchObject({ pods: [] })
  })

  test("provides the cluster's certificate authority, without which the server is not trusted", async () => {
    const kube = await startFakeKubernetes({ namespace: 'watching' })
    onTestFinished(() => kube[Symbol.asyncDispose]())
    expect(await (await open({ kubeconfig: kube.secureKubeconfigPath })).list()).toMatchObject({ pods: [] })
    const untrusted = await writeKubeconfig({ server: kube.secureUrl }, { token: kube.token })
    await expect((await open({ kubeconfig: untrusted })).list()).rejects.toThrow(/cannot be reached: .*certificate/)
    const unverified = await writeKubeconfig(
      { server: kube.secureUrl, 'insecure-skip-tls-verify': true },
      { token: kube.token },
    )
    expect((await (await open({ kubeconfig: unverified })).list()).pods).toEqual([])
  })

  test('provides a client certificate, and reads it again after its replacement', async () => {
    const [server, client, another] = [makeCertificate(), makeCertificate(), makeCertificate()]
    const tls = { ...server, requestCert: true, rejectUnauthorized: true, ca: [client.cert] }
    const { url } = await startScriptedServer((_call, response) => sendJson(response, EMPTY), tls)
    const folder = await createFolder()
    const write = async ({ cert, key }: typeof client) => {
      await writeFile(join(folder, 'client.crt'), cert)
      await writeFile(join(folder, 'client.key'), key)
    }
    await write(another)
    const kubeconfig = await writeKubeconfig(
      { server: url, 'certificate-authority-data': inBase64(server.cert) },
      { 'client-certificate': 'client.crt', 'client-key': 'client.key' },
      folder,
    )
    const { access, list } = await open({ kubeconfig })
    await expect(list()).rejects.toThrow('the API server cannot be reached')
    await write(client)
    advanceClock(61_000)
    expect(await list()).toMatchObject({ pods: [] })
    expect(await access.getToken()).toBeNull()
  })

  test('is read again when the server refuses its token', async () => {
    const accepted = { tokens: ['one'] }
    const { url, calls } = await startServer(accepted)
    const folder = await createFolder()
    const { list } = await open({ kubeconfig: await writeKubeconfig({ server: url }, { token: 'one' }, folder) })
    await list()
    accepted.tokens = ['two']
    await writeKubeconfig({ server: url }, { token: 'two' }, folder)
    advanceClock(2000)
    expect(await list()).toMatchObject({ pods: [] })
    expect(calls.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
  })

  test('that impersonates another user sends the impersonation header', async () => {
    const { url, calls } = await startServer({ tokens: ['one'] })
    const { list } = await open({ kubeconfig: await writeKubeconfig({ server: url }, { token: 'one', as: 'watcher' }) })
    await list()
    expect(calls[0]?.headers).toHaveProperty('impersonate-user', 'watcher')
  })

  test('is read from the home directory if no path is configured', async () => {
    const home = await createFolder()
    vi.stubEnv('HOME', home)
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(open({})).rejects.toThrow(
      `no cluster is known: KUBECONFIG is not set, this is no Pod, and there is no ${home}/.kube/config`,
    )
    const { url } = await startServer({ tokens: ['one'] })
    await mkdir(join(home, '.kube'))
    await writeFile(
      join(home, '.kube/config'),
      await readFile(await writeKubeconfig({ server: url }, { token: 'one' })),
    )
    expect(await (await open({})).list()).toMatchObject({ pods: [] })
  })

  test.each([
    ['that does not exist', async () => '/nowhere/kubeconfig', /ENOENT/],
    [
      'without a cluster',
      async () => writeKubeconfigText('{"current-context":"gone"}'),
      /no cluster for its current context "gone"/,
    ],
    [
      'with a proxy',
      async () => writeKubeconfig({ server: 'https://a', 'proxy-url': 'http://b' }, {}),
      /proxy-url of cluster "c"/,
    ],
  ])('%s makes opening the cluster fail', async (_what, path, message) => {
    await expect(open({ kubeconfig: await path() })).rejects.toThrow(message)
  })
})

describe('a credential plugin', () => {
  /** Creates a plugin that returns the contents of the file `token`, valid for an hour, and records each run. */
  async function createPlugin(tokens: readonly string[]) {
    const folder = await createFolder()
    const command = join(folder, 'plugin')
    const program = `#!${process.execPath}
      const { readFileSync, appendFileSync } = require('node:fs')
      appendFileSync(${JSON.stringify(join(folder, 'runs'))}, process.env.KUBERNETES_EXEC_INFO + ' ' + process.env.ZONE + '\\n')
      const token = readFileSync(${JSON.stringify(join(folder, 'token'))}, 'utf8')
      if (token === 'none') { console.error('who are you?'); process.exit(1) }
      const expirationTimestamp = new Date(Date.now() + 3600_000).toISOString()
      console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token, expirationTimestamp } }))`
    await writeFile(command, program)
    await chmod(command, 0o700)
    const accepted = { tokens }
    const { url } = await startServer(accepted)
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, env: [{ name: 'ZONE', value: 'north' }] }
    const { list } = await open({ kubeconfig: await writeKubeconfig({ server: url }, { exec }) })
    const writeToken = (token: string) => writeFile(join(folder, 'token'), token)
    const runs = async () => (await readFile(join(folder, 'runs'), 'utf8')).trim().split('\n')
    return { list, writeToken, runs, accepted }
  }

  test('runs once until its answer expires, and receives the API version in KUBERNETES_EXEC_INFO', async () => {
    const { list, writeToken, runs } = await createPlugin(['one'])
    await writeToken('one')
    await Promise.all([list(), list()])
    advanceClock(61_000)
    await list()
    const info = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}'
    expect(await runs()).toEqual([`${info} north`])
  })

  test('runs again when the server refuses its token', async () => {
    const { list, writeToken, runs, accepted } = await createPlugin(['one'])
    await writeToken('one')
    await list()
    accepted.tokens = ['two']
    await writeToken('two')
    advanceClock(2000)
    expect(await list()).toMatchObject({ pods: [] })
    expect(await runs()).toHaveLength(2)
  })

  test('does not run at every call if the server refuses every token', async () => {
    const { list, writeToken, runs } = await createPlugin([])
    await writeToken('one')
    stopClock()
    for (let n = 0; n < 3; n++) await expect(list()).rejects.toThrow('the API server answered 401')
    expect(await runs()).toHaveLength(1)
  })

  test('that fails is quoted in the error, and runs again at the next call', async () => {
    const { list, writeToken } = await createPlugin(['one'])
    await writeToken('none')
    await expect(list()).rejects.toThrow('the API server cannot be reached: credentials cannot be read: who are you?')
    await writeToken('one')
    expect(await list()).toMatchObject({ pods: [] })
  })
})

describe('inside a Pod', () => {
  /** Creates the service account files of a Pod and an API server that accepts its token. */
  async function createPod() {
    const certificate = makeCertificate()
    const accepted = { tokens: ['one'] as readonly string[] }
    const { url, calls } = await startServer(accepted, certificate)
    const root = await createFolder()
    const write = async (name: string, text: string) => {
      const path = join(root, 'var/run/secrets/kubernetes.io/serviceaccount', name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    }
    await write('token', 'one\n')
    await write('ca.crt', certificate.cert)
    await write('namespace', 'watching\n')
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '127.0.0.1').stubEnv('KUBERNETES_SERVICE_PORT', new URL(url).port)
    onTestFinished(() => void vi.unstubAllEnvs())
    return { url, calls, accepted, write, ...(await open({ root })) }
  }

  test('the server, its certificate authority, the namespace and the token come from the service account', async () => {
    const { url, access, list } = await createPod()
    expect(access).toMatchObject({ server: url, namespace: 'watching' })
    expect(await list()).toMatchObject({ pods: [] })
  })

  test('a replaced token is read when the server refuses the old one', async () => {
    const { accepted, write, list, calls } = await createPod()
    await list()
    accepted.tokens = ['two']
    await write('token', 'two')
    advanceClock(2000)
    expect(await list()).toMatchObject({ pods: [] })
    expect(calls).toHaveLength(3)
  })

  test('a replaced token is read after a minute while the old one is still accepted, not at each call', async () => {
    const { accepted, write, list, calls } = await createPod()
    accepted.tokens = ['one', 'two']
    await list()
    await write('token', 'two')
    await list()
    advanceClock(61_000)
    await list()
    expect(calls.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
  })

  test('a refused token that has not changed is not sent again', async () => {
    const { accepted, list, calls } = await createPod()
    accepted.tokens = []
    await expect(list()).rejects.toThrow('the API server answered 401: Unauthorized')
    expect(calls).toHaveLength(1)
  })
})

async function writeKubeconfigText(text: string): Promise<string> {
  const path = join(await createFolder(), 'kubeconfig')
  await writeFile(path, text)
  return path
}
