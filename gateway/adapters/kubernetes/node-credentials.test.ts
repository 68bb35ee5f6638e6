import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { makeCertificate } from '../../../worker/testing/certificate.ts'
import { startFakeKubernetes } from '../../testing/fake-kubernetes/index.ts'
import { createPodClient } from './client.ts'
import type { KubeconfigSource } from './kubeconfig.ts'
import { accessByKubeconfig } from './node-credentials.ts'
import { sendJson, startScriptedServer } from './testing/scripted-server.ts'

const EMPTY = { metadata: { resourceVersion: '1' }, items: [] }

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-credentials-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function open(source: Partial<KubeconfigSource>) {
  const access = await accessByKubeconfig({ kubeconfig: null, root: '/nowhere', ...source })
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

/** A server that lets in whoever brings one of these tokens. */
async function startServer(accepted: { tokens: readonly string[] }, tls?: Parameters<typeof startScriptedServer>[1]) {
  return startScriptedServer(({ headers }, response) => {
    const isIn = accepted.tokens.some((token) => headers.authorization === `Bearer ${token}`)
    sendJson(response, isIn ? EMPTY : { message: 'Unauthorized' }, isIn ? 200 : 401)
  }, tls)
}

const inBase64 = (text: string) => Buffer.from(text).toString('base64')

/** As if so much time had gone by. */
function pass(ms: number): void {
  const now = performance.now.bind(performance)
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => now() + ms)
  onTestFinished(() => spy.mockRestore())
}

describe('a kubeconfig', () => {
  test('gives the server, the namespace and the token of its current context', async () => {
    const kube = await startFakeKubernetes({ namespace: 'watching' })
    onTestFinished(() => kube[Symbol.asyncDispose]())
    const { access, list } = await open({ kubeconfig: kube.kubeconfigPath })
    expect(access).toMatchObject({ server: kube.url, namespace: 'watching' })
    expect(await access.token()).toBe(kube.token)
    expect(await list()).toMatchObject({ pods: [] })
  })

  test("gives the cluster's own authority, without which its certificate is not taken", async () => {
    const kube = await startFakeKubernetes({ namespace: 'watching' })
    onTestFinished(() => kube[Symbol.asyncDispose]())
    expect(await (await open({ kubeconfig: kube.secureKubeconfigPath })).list()).toMatchObject({ pods: [] })
    const stranger = await writeKubeconfig({ server: kube.secureUrl }, { token: kube.token })
    await expect((await open({ kubeconfig: stranger })).list()).rejects.toThrow(/cannot be reached: .*certificate/)
    const careless = await writeKubeconfig(
      { server: kube.secureUrl, 'insecure-skip-tls-verify': true },
      { token: kube.token },
    )
    expect((await (await open({ kubeconfig: careless })).list()).pods).toEqual([])
  })

  test('gives a certificate of the client, read again once it was replaced', async () => {
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
    pass(61_000)
    expect(await list()).toMatchObject({ pods: [] })
    expect(await access.token()).toBeNull()
  })

  test('that was written anew is read when its token is taken no more', async () => {
    const accepted = { tokens: ['one'] }
    const { url, calls } = await startServer(accepted)
    const folder = await createFolder()
    const { list } = await open({ kubeconfig: await writeKubeconfig({ server: url }, { token: 'one' }, folder) })
    await list()
    accepted.tokens = ['two']
    await writeKubeconfig({ server: url }, { token: 'two' }, folder)
    pass(2000)
    expect(await list()).toMatchObject({ pods: [] })
    expect(calls.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
  })

  test('that acts for somebody else says so', async () => {
    const { url, calls } = await startServer({ tokens: ['one'] })
    const { list } = await open({ kubeconfig: await writeKubeconfig({ server: url }, { token: 'one', as: 'watcher' }) })
    await list()
    expect(calls[0]?.headers).toHaveProperty('impersonate-user', 'watcher')
  })

  test('is looked for at home where none is named', async () => {
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
    ['that is not there', async () => '/nowhere/kubeconfig', /ENOENT/],
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
  ])('%s stops the start', async (_what, path, message) => {
    await expect(open({ kubeconfig: await path() })).rejects.toThrow(message)
  })
})

describe('a plug-in of a kubeconfig', () => {
  /** A program that hands out what stands in the file `token`, for an hour, and counts how often it ran. */
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
    const give = (token: string) => writeFile(join(folder, 'token'), token)
    const runs = async () => (await readFile(join(folder, 'runs'), 'utf8')).trim().split('\n')
    return { list, give, runs, accepted }
  }

  test('is run once for as long as its answer stands, and told how it is understood', async () => {
    const { list, give, runs } = await createPlugin(['one'])
    await give('one')
    await Promise.all([list(), list()])
    pass(61_000)
    await list()
    const info = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}'
    expect(await runs()).toEqual([`${info} north`])
  })

  test('is run again when the server takes its answer no more', async () => {
    const { list, give, runs, accepted } = await createPlugin(['one'])
    await give('one')
    await list()
    accepted.tokens = ['two']
    await give('two')
    pass(2000)
    expect(await list()).toMatchObject({ pods: [] })
    expect(await runs()).toHaveLength(2)
  })

  test('is not run for every call where the server takes nothing of what it gives', async () => {
    const { list, give, runs } = await createPlugin([])
    await give('one')
    for (let n = 0; n < 3; n++) await expect(list()).rejects.toThrow('the API server answered 401')
    expect(await runs()).toHaveLength(1)
  })

  test('that fails is told in its own words, and run again at the next call', async () => {
    const { list, give } = await createPlugin(['one'])
    await give('none')
    await expect(list()).rejects.toThrow('the API server cannot be reached: credentials cannot be had: who are you?')
    await give('one')
    expect(await list()).toMatchObject({ pods: [] })
  })
})

describe('in a Pod', () => {
  /** A file system as a Pod has it, beside an API server that knows its token. */
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

  test('the server, its authority, the namespace and the token are where Kubernetes puts them', async () => {
    const { url, access, list } = await createPod()
    expect(access).toMatchObject({ server: url, namespace: 'watching' })
    expect(await list()).toMatchObject({ pods: [] })
  })

  test('a token that was replaced is read when the old one is taken no more', async () => {
    const { accepted, write, list, calls } = await createPod()
    await list()
    accepted.tokens = ['two']
    await write('token', 'two')
    pass(2000)
    expect(await list()).toMatchObject({ pods: [] })
    expect(calls).toHaveLength(3)
  })

  test('a token that was replaced is read after a minute, while the old one still stands, and not at each call', async () => {
    const { accepted, write, list, calls } = await createPod()
    accepted.tokens = ['one', 'two']
    await list()
    await write('token', 'two')
    await list()
    pass(61_000)
    await list()
    expect(calls.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
  })

  test('a server that takes no token is not asked twice with the same', async () => {
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
