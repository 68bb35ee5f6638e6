import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import * as v from 'valibot'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

import { readGatewayAndJobSettings } from '../../gateway/testing/read-job-settings.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { readDockerfile } from './dockerfile.ts'
import { readInstallation, getOnlyContainer, readSource } from './installation.ts'

const Service = v.strictObject({
  image: v.string(),
  build: v.optional(v.strictObject({ context: v.literal('.'), dockerfile: v.string(), target: v.string() })),
  command: v.optional(v.array(v.string())),
  profiles: v.optional(v.array(v.string())),
  environment: v.optional(v.record(v.string(), v.string())),
  hostname: v.optional(v.string()),
  depends_on: v.optional(v.record(v.string(), v.strictObject({ condition: v.literal('service_healthy') }))),
  ports: v.optional(v.array(v.string())),
  volumes: v.optional(v.array(v.string())),
  networks: v.optional(v.array(v.string())),
  network_mode: v.optional(v.literal('none')),
  healthcheck: v.optional(
    v.strictObject({
      test: v.array(v.string()),
      interval: v.string(),
      timeout: v.string(),
      retries: v.number(),
      start_period: v.string(),
    }),
  ),
  read_only: v.optional(v.boolean()),
  tmpfs: v.optional(v.array(v.string())),
  cap_drop: v.optional(v.array(v.string())),
  security_opt: v.optional(v.array(v.string())),
  restart: v.optional(v.literal('unless-stopped')),
  stop_grace_period: v.optional(v.string()),
})
const Compose = v.strictObject({
  name: v.string(),
  services: v.record(v.string(), Service),
  networks: v.record(v.string(), v.strictObject({ internal: v.optional(v.boolean()) })),
  volumes: v.record(v.string(), v.strictObject({})),
})

const compose = v.parse(Compose, parse(readSource('compose.yaml')))
const services = Object.entries(compose.services)
const { gateway, postgres, demo } = compose.services
const HAS_COMPOSE = spawnSync('docker', ['compose', 'version']).status === 0

test('docker compose accepts compose.yaml, if it is installed', ({ skip }) => {
  skip(!HAS_COMPOSE, 'docker compose is not installed')
  const cwd = fileURLToPath(new URL('../../', import.meta.url))
  const args = ['compose', '--profile', 'demo', '--profile', 'images', 'config', '--quiet']
  expect(spawnSync('docker', args, { cwd, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
})

test('only the API and the ports of encoders and browsers are published, on the loopback address', () => {
  expect(services.flatMap(([, { ports = [] }]) => ports)).toEqual([
    '127.0.0.1:8080:8080',
    '127.0.0.1:1935:1935',
    '127.0.0.1:8189:8189/udp',
  ])
})

test('encoders and browsers reach the ingest through the published ports, at the address that broadcasters see', () => {
  const { RTMP_HOST, RTMP_PORT, WHIP_PORT } = gateway?.environment ?? {}
  expect(RTMP_HOST).toBe('0.0.0.0')
  expect(gateway?.ports).toContain(`127.0.0.1:${RTMP_PORT}:${RTMP_PORT}`)
  expect(gateway?.ports).toContain(`127.0.0.1:${WHIP_PORT}:${WHIP_PORT}/udp`)
})

test('only the gateway reaches the database, which reaches nothing', () => {
  expect(compose.networks['database']).toEqual({ internal: true })
  expect(postgres?.networks).toEqual(['database'])
  expect(services.filter(([, { networks = [] }]) => networks.includes('database')).map(([name]) => name)).toEqual([
    'postgres',
    'gateway',
  ])
})

test('the database has the image of the small overlay, and is healthy before the gateway starts', () => {
  const { one } = readInstallation('k8s/overlays/small')
  expect(postgres?.image).toBe(getOnlyContainer(one('StatefulSet', 'tallylight-postgres')).image)
  expect(gateway?.depends_on).toEqual({ postgres: { condition: 'service_healthy' } })
  expect(postgres?.healthcheck?.test).toContain('pg_isready')
})

test('every built image is a target of a Dockerfile', () => {
  const built = services.flatMap(([, { build }]) => build ?? [])
  expect(built.map(({ target }) => target)).toEqual(['all-in-one', 'all-in-one', 'worker'])
  for (const { dockerfile, target } of built) {
    expect(readDockerfile(dockerfile).map(({ name }) => name)).toContain(target)
  }
})

test('every volume and network that a service uses is declared', () => {
  const volumes = services.flatMap(([, { volumes: used = [] }]) => used.map((volume) => volume.split(':')[0]))
  const networks = services.flatMap(([, { networks: used = [] }]) => used)
  expect(new Set(volumes)).toEqual(new Set(Object.keys(compose.volumes)))
  expect(new Set(networks)).toEqual(new Set(Object.keys(compose.networks)))
})

test('the files of jobs lie on volumes that the image’s user may write to, not in the memory of /tmp', () => {
  const mounts = Object.fromEntries((gateway?.volumes ?? []).map((one) => one.split(':').toReversed()))
  expect(gateway?.environment).toMatchObject({ STORAGE_DIR: '/storage', WORK_DIR: '/work' })
  expect(mounts).toEqual({ '/data': 'data', '/storage': 'storage', '/work': 'work' })
  const stage = readDockerfile('worker/Dockerfile').find(({ name }) => name === 'all-in-one')
  const [run = ''] = stage?.instructions.flatMap(({ name, text }) => (name === 'RUN' ? [text] : [])) ?? []
  const folders = '/data /storage /work'
  // Workers recognise leftovers by the host name, which would differ in every container.
  expect(gateway?.hostname).toBe('gateway')
  expect(run).toBe(`mkdir -m 0700 ${folders} && chown 10001:10001 ${folders}`)
})

test('services that run workers have a read-only root and no capabilities', () => {
  for (const service of [gateway, demo]) {
    expect(service).toMatchObject({
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
  }
  expect(demo?.network_mode).toBe('none')
})

test('the gateway starts without .env, generates its keys, and refuses private addresses', () => {
  const environment = Object.entries(gateway?.environment ?? {})
  const filled = environment.map(([name, value]) => [name, value.replaceAll(/\$\{\w+:-([\w.]*)\}/g, '$1')])
  expect(filled.filter(([, value]) => value?.includes('$'))).toEqual([])
  const source =
    readSource('gateway/settings/read-settings.ts') +
    readSource('gateway/settings/mail.ts') +
    readSource('gateway/settings/stores.ts') +
    readSource('gateway/jobs/settings.ts') +
    readSource('gateway/monitors/settings.ts') +
    readSource('gateway/live/settings.ts') +
    readSource('gateway/live/push-settings.ts') +
    readSource('gateway/live/tip-settings.ts')
  expect(environment.filter(([name]) => !new RegExp(`^  ${name}: `, 'm').test(source))).toEqual([])
  const settings = readGatewayAndJobSettings({ NODE_ENV: 'production', HOST: '0.0.0.0', ...Object.fromEntries(filled) })
  expect(settings).toMatchObject({ givenKeys: {}, cluster: null, port: 8080, allowPrivateNetworks: false })
  // The published port serves the outputs of jobs.
  expect(settings.jobs.workerEnv['MEDIA_URL']).toBe('http://127.0.0.1:8080/media')
  expect(settings.jobs).toMatchObject({ stores: { storages: ['local'], storageDir: '/storage' }, workDir: '/work' })
  const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD } = postgres?.environment ?? {}
  expect(gateway?.environment?.['DATABASE_URL']).toBe(
    `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres:5432/${POSTGRES_DB}`,
  )
})

test.each([
  [200, 0],
  [503, 1],
])('the health check of a gateway whose /readyz answers %i exits with %i', async (status, code) => {
  const requested: (string | undefined)[] = []
  const server = createServer((request, response) => {
    requested.push(request.url)
    response.writeHead(status).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const [, , ...args] = gateway?.healthcheck?.test ?? []
    const port = String((server.address() as AddressInfo).port)
    const here = args.map((word) => word.replace('127.0.0.1:8080', `127.0.0.1:${port}`))
    const run = promisify(execFile)(process.execPath, here, { timeout: PATIENCE_MS })
    expect(
      await run.then(
        () => 0,
        (error: { code: number }) => error.code,
      ),
    ).toBe(code)
    expect(requested).toEqual(['/readyz'])
  } finally {
    server.close()
  }
})
