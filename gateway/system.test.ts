import { Hono } from 'hono'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createLog } from '../shared/log.ts'
import { startGateway, type Gateway } from './cli/start-gateway.ts'
import { BrokenRule, defineErrors } from './errors.ts'
import type { SampledGaugeDefinition } from './ports/metrics.ts'
import { taskAtInterval } from './scheduler/periodic-task.ts'
import { text } from './settings/fields.ts'
import type { ConfiguredSystem, System } from './system.ts'
import { systems } from './systems.ts'
import { createMemoryLauncher } from './testing/workers/memory-launcher.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'
import { TEST_ENV, TEST_KEYS, createTestSettings, quickHasher } from './testing/test-gateway.ts'

const ERRORS = defineErrors({ STUDIO_CLOSED: 423 })
const STUDIOS = {
  kind: 'sampled_gauge',
  name: 'tallylight_studios',
  help: 'Studios.',
  labels: {},
} as const satisfies SampledGaugeDefinition

let taskRuns = 0

/** A third system, with everything that a system can carry. */
const studio: System = {
  name: 'studios',
  settings: {
    title: 'Studios',
    entries: { STUDIO_NAME: v.optional(text, 'unnamed') },
    problems: ({ STUDIO_NAME }) => (STUDIO_NAME === 'forbidden' ? ['STUDIO_NAME must not be forbidden'] : []),
  },
  errors: Object.values(ERRORS),
  metrics: [STUDIOS],
  idFields: { std: 'studio_id' },
  async configure({ env }) {
    return {
      workerRoles: [
        {
          kind: 'studio',
          app: 'studio',
          idLabel: 'studio-id',
          workDir: '/tmp/studio',
          workLimit: '1Gi',
          resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } },
          ports: [{ name: 'rtmp', port: 1935 }],
          network: { ingress: 'public', egress: 'gateway' },
          isMovable: true,
        },
      ],
      mount: () => ({
        name: 'studios',
        api: {
          paths: ['studios'],
          authentication: {
            isAuthenticated: (c) => c.req.header('cookie') === 'session=valid',
            cure: 'sign in first',
          },
          routes: new Hono()
            .get('/studios', (c) => c.json({ name: env['STUDIO_NAME'] ?? 'unnamed' }))
            .get('/studios/closed', () => {
              throw new BrokenRule(ERRORS.STUDIO_CLOSED, 'the studio is closed')
            }),
        },
        callbacks: new Hono().post('/studios/hello', (c) => c.json({ ok: true })),
        publicRoutes: new Hono().get('/studio-picture', (c) => c.text('picture')),
        pages: new Hono().get('/studio-page', (c) => c.html('<p>On air</p>')),
        workerKinds: [
          {
            kind: 'studio',
            attempts: { max: 1, stableAfterSec: null },
            nameOf: ({ id }) => `studio-${id}`,
            subjectsOf: async () => new Map(),
            specFor: async () => null,
            onLost: async () => {},
          },
        ],
        periodicTasks: [
          taskAtInterval('count studios', 0, async () => {
            taskRuns += 1
          }),
        ],
        onWebhookExhausted: async () => {},
        capacity: async () => ({ used: 3, limit: 4 }),
        readGauges: async () => [{ metric: STUDIOS, labels: {}, value: 3 }],
      }),
    }
  },
}

describe('a third system', () => {
  let database: TestDatabase
  let gateway: Gateway
  const lines: Record<string, unknown>[] = []
  const call = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`http://127.0.0.1:${gateway.port}${path}`, { method, headers })

  beforeAll(async () => {
    database = await createTestDatabase()
    const { settings, systems: configured } = await createTestSettings({}, [...systems, studio])
    gateway = await startGateway({
      settings,
      systems: configured satisfies readonly ConfiguredSystem[],
      databaseUrl: database.url,
      launcher: createMemoryLauncher(),
      passwordHasher: quickHasher,
      log: createLog('gateway', 'info', (line) => lines.push(JSON.parse(line))),
    })
    await gateway.started
  })
  afterAll(async () => {
    await gateway.close()
    await database[Symbol.asyncDispose]()
  })

  it('has its API behind its own authentication, and its own error codes', async () => {
    const session = { cookie: 'session=valid' }
    expect(await (await call('/api/v1/studios', session)).json()).toEqual({ name: 'unnamed' })
    const refused = await call('/api/v1/studios', { 'x-api-key': TEST_KEYS.API_KEY })
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: { message: 'sign in first' } }])
    const closed = await call('/api/v1/studios/closed', session)
    expect([closed.status, await closed.json()]).toMatchObject([423, { error: { code: 'STUDIO_CLOSED' } }])
    expect((await call('/api/v1/monitors', session)).status).toBe(401)
    expect((await call('/api/v1/monitors', { 'x-api-key': TEST_KEYS.API_KEY })).status).toBe(200)
  })

  it('has public routes, pages and callbacks', async () => {
    expect(await (await call('/studio-picture')).text()).toBe('picture')
    expect(await (await call('/studio-page')).text()).toBe('<p>On air</p>')
    expect(await (await call('/internal/v1/studios/hello', {}, 'POST')).json()).toEqual({ ok: true })
  })

  it('has its metrics, its capacity and its periodic task beside those of the others', async () => {
    expect(await (await call('/metrics')).text()).toContain('\ntallylight_studios 3\n')
    const status = await call('/api/v1/workers/status', { 'x-api-key': TEST_KEYS.API_KEY })
    expect(await status.json()).toMatchObject({ capacity: { studios: { used: 3, limit: 4 } } })
    await expect.poll(() => taskRuns).toBeGreaterThan(0)
  })

  it('has its ids in a log field of their own', async () => {
    const id = 'std-01a20144-832d-757b-802b-19d0906ac8e0'
    await call(`/api/v1/studios/${id}`)
    expect(lines.find((line) => line['path'] === `/api/v1/studios/${id}`)).toMatchObject({ studio_id: id })
  })

  it('has its settings checked with all others', async () => {
    await expect(createTestSettings({ ...TEST_ENV, STUDIO_NAME: 'forbidden' }, [studio])).rejects.toThrow(
      'STUDIO_NAME must not be forbidden',
    )
  })
})
