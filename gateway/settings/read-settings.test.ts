import { describe, expect, it } from 'vitest'

import { systems } from '../systems.ts'
import type { Env } from './fields.ts'
import { readSettings } from './read-settings.ts'
import { SettingsError } from './settings-error.ts'

const read = (env: Env) =>
  readSettings(
    env,
    systems.map(({ settings }) => settings),
  )

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    read(env)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}

describe('the settings', () => {
  it('need nothing: with nothing set they are a whole system on one machine', () => {
    expect(read({})).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      gatewayUrl: 'http://127.0.0.1:8080',
      databaseUrl: null,
      dataDir: '.data',
      allowPrivateNetworks: true,
      writesPerMinute: 25,
      readsPerMinute: 100,
    })
  })

  it('forbid private networks where a database is given, unless they are allowed', () => {
    const DATABASE_URL = 'postgres://u:p@db/name'
    expect(read({ DATABASE_URL }).allowPrivateNetworks).toBe(false)
    expect(read({ DATABASE_URL, ALLOW_PRIVATE_NETWORKS: 'true' }).allowPrivateNetworks).toBe(true)
    expect(read({ ALLOW_PRIVATE_NETWORKS: 'false' }).allowPrivateNetworks).toBe(false)
  })

  it('refuse a certificate for RTMPS in a cluster, whose Pods do not have the file', () => {
    const tls = { TLS_CERT_FILE: '/tls/a.crt', TLS_KEY_FILE: '/tls/a.key' }
    expect(problemsOf(tls)).toEqual([])
    expect(problemsOf({ ...tls, LAUNCHER: 'kubernetes' }).join()).toContain('TLS_CERT_FILE cannot be used')
    expect(problemsOf({ TLS_CERT_FILE: '/tls/a.crt' }).join()).toContain(
      'TLS_CERT_FILE and TLS_KEY_FILE need each other',
    )
  })

  it('refuse ports of SRT that are no range, and in a cluster', () => {
    expect(problemsOf({ SRT_PORTS: '20000-20009' })).toEqual([])
    expect(problemsOf({ SRT_PORTS: '20000-20009', LAUNCHER: 'kubernetes' }).join()).toContain(
      'SRT_PORTS cannot be used',
    )
    for (const SRT_PORTS of ['20000', '20009-20000', '20000-20100', '0-9', '65535-65536', 'a-b']) {
      expect(problemsOf({ SRT_PORTS }).join()).toContain('SRT_PORTS must be ports such as 20000-20009')
    }
  })

  it('name everything that is wrong at once', () => {
    const problems = problemsOf({
      PORT: '99999',
      DATABASE_URL: 'mysql://x',
      LAUNCHER: 'docker',
      SCHEDULE_LEAD_TIME: 'soon',
      MAX_MONITORS: '-1',
      ALLOW_ANY_SITE: 'yes',
      NODE_ENV: 'production',
      API_KEY: 'short',
    })
    const named = problems.map((problem) => problem.split(' ')[0])
    const keys = ['API_KEY', 'INTERNAL_API_KEY', 'WEBHOOK_SIGNING_KEY']
    const others = ['ALLOW_ANY_SITE', 'DATABASE_URL', 'LAUNCHER', 'MAX_MONITORS', 'PORT', 'SCHEDULE_LEAD_TIME']
    expect(new Set(named)).toEqual(new Set([...keys, ...others]))
  })

  it('name what would only go wrong later', () => {
    const env = {
      PORT: '9000',
      INTERNAL_PORT: '9000',
      DATABASE_URL: 'postgres://u:p%ZZ@db/name',
      WORKER_STARTUP_TIMEOUT: '0',
      SCHEDULE_LEAD_TIME: '99999999999h',
      NODE_ENV: 'production',
      API_KEY: `a${' '.repeat(20)}`,
      INTERNAL_API_KEY: 'x'.repeat(16),
      WEBHOOK_SIGNING_KEY: 'x'.repeat(16),
    }
    const named = problemsOf(env).map((problem) => problem.split(' ')[0])
    const wrong = ['API_KEY', 'DATABASE_URL', 'INTERNAL_PORT', 'SCHEDULE_LEAD_TIME', 'WORKER_STARTUP_TIMEOUT']
    expect(new Set(named)).toEqual(new Set(wrong))
  })

  it('take an empty variable for one that is not set', () => {
    expect(read({ PORT: '', DATABASE_URL: '', API_KEY: '' })).toMatchObject({
      port: 8080,
      databaseUrl: null,
      givenKeys: {},
    })
  })

  it('read durations with units and as bare seconds', () => {
    expect(read({ RECONCILE_INTERVAL: '5m' }).reconcileIntervalMs).toBe(300_000)
    expect(read({ RECONCILE_INTERVAL: '90' }).reconcileIntervalMs).toBe(90_000)
    expect(read({ WORKER_STARTUP_TIMEOUT: '500ms' }).workerStartupTimeoutMs).toBe(500)
  })

  it('pass on the tools and proxies that every worker needs, and no key', () => {
    const workerEnv = { FFMPEG_PATH: '/opt/ffmpeg', HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '.svc,10.0.0.0/8' }
    const env = { ...workerEnv, API_KEY: 'x'.repeat(20), DATABASE_URL: 'postgres://a/b' }
    expect(read(env).workerEnv).toEqual(workerEnv)
  })

  it('reach the gateway by loopback where it listens on all addresses', () => {
    expect(read({ HOST: '0.0.0.0', PORT: '9000' }).gatewayUrl).toBe('http://127.0.0.1:9000')
    expect(read({ INTERNAL_PORT: '9001' }).gatewayUrl).toBe('http://127.0.0.1:9001')
    expect(read({ GATEWAY_URL: 'http://gateway:8080/' }).gatewayUrl).toBe('http://gateway:8080')
  })

  it('run workers in a cluster where LAUNCHER says so, with an image, and else on this machine', () => {
    expect(read({}).cluster).toBeNull()
    expect(problemsOf({ LAUNCHER: 'kubernetes' }).map((problem) => problem.split(' ')[0])).toEqual(['WORKER_IMAGE'])
    const env = { LAUNCHER: 'kubernetes', WORKER_IMAGE: 'example/worker:1', NAMESPACE: 'live' }
    expect(read(env).cluster).toEqual({
      workerImage: 'example/worker:1',
      workerSecret: 'tallylight-storage',
      namespace: 'live',
      kubeconfig: null,
      deployment: null,
    })
  })

  it('refuse what Kubernetes would not take', () => {
    const env = {
      NAMESPACE: 'Live!',
      GATEWAY_DEPLOYMENT: 'a_b',
      MONITOR_CPU_LIMIT: 'much',
      MONITOR_MEMORY_LIMIT: '512',
    }
    expect(problemsOf(env).map((problem) => problem.split(' ')[0])).toEqual(Object.keys(env))
  })
})
