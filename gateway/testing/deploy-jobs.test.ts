import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'

import { podFor } from '../adapters/kubernetes/pod-spec.ts'
import { ENCODE_ROLE } from '../adapters/kubernetes/testing/encode-role.ts'
import { readSettings, type Settings } from '../config.ts'
import { jobRole, workerSpec } from '../jobs/pod.ts'
import { SettingsError } from '../settings-error.ts'
import type { Pod } from './fake-kubernetes/index.ts'
import { checkRestricted } from './fake-kubernetes/pod-security.ts'
import {
  containerOf,
  environmentOf,
  INSTALLATIONS,
  readInstallation,
  readSource,
  type Container,
} from './installation.ts'
import type { Manifest } from './kustomization.ts'
import { schemaProblems } from './manifest-schema.ts'
import { TEST_SETTINGS } from './test-gateway.ts'

const TASK = 'task-019f0c9e-6d3b-7cc1-a0b4-4d8f1c2e5a77'
const KEYS = {
  API_KEY: 'k'.repeat(16),
  INTERNAL_API_KEY: 'k'.repeat(16),
  WEBHOOK_SIGNING_KEY: 'k'.repeat(16),
  DATABASE_URL: 'postgres://user:password@host:5432/tallylight',
}
/** What the template's comment shows how to put in. */
const STORAGE = { S3_ACCESS_KEY_ID: 'who-we-are', S3_SECRET_ACCESS_KEY: 'never-to-be-seen', FTP_PASSWORD: 'nor-this' }
/** What an installation writes into the ConfigMap. */
const BOTH_STORES = { STORAGE_TYPE: 's3', S3_BUCKET: 'media', FTP_HOST: 'ftp.example.com', FTP_USER: 'media' }

describe.each(INSTALLATIONS)('jobs on %s', (folder) => {
  const installation = readInstallation(folder)
  const { one, gateway, migration } = installation
  const containers = [containerOf(gateway), containerOf(migration)]

  function settingsWith(set: Readonly<Record<string, string>>, storage: Readonly<Record<string, string>>) {
    const secrets = { 'tallylight-gateway': KEYS, 'tallylight-storage': storage }
    // Both, so that neither of the two starts with what the other refuses.
    const read = (container: Container) => readSettings({ ...environmentOf(installation, container, secrets), ...set })
    read(containerOf(migration))
    return read(containerOf(gateway))
  }

  function encoderOf(given: ReturnType<typeof settingsWith>): V1Pod {
    const settings: Settings = { ...TEST_SETTINGS, ...given, jobs: { ...TEST_SETTINGS.jobs, ...given.jobs } }
    const spec = workerSpec({ id: TASK, launch: 1 }, { traceparent: null }, settings, 'its-own-token')
    const { workerImage: image = '', workerSecret: secret = '' } = given.cluster ?? {}
    return podFor(spec, jobRole(settings), { namespace: 'tallylight', image, secret, owner: null })
  }

  const refsOf = (pod: V1Pod) =>
    (pod.spec?.containers[0]?.env ?? []).flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? [])

  test('names every store’s settings in the ConfigMap, none of them set, so that monitoring starts without', () => {
    const { data = {} } = one('ConfigMap', 'tallylight-gateway')
    for (const name of Object.keys(BOTH_STORES)) expect([name, data[name]]).toEqual([name, ''])
    const { jobs } = settingsWith({}, {})
    expect(jobs).toMatchObject({ storages: [], defaultStorage: null, maxWorkers: 2 })
    expect(refsOf(encoderOf(settingsWith({}, {})))).toEqual([])
  })

  test('gives the gateway and its migration what is in the Secret for storage, and starts them without one', () => {
    for (const { envFrom = [] } of containers) {
      const refs = envFrom.flatMap(({ secretRef }) => secretRef ?? [])
      expect(refs).toContainEqual({ name: 'tallylight-storage', optional: true })
    }
    expect(settingsWith(BOTH_STORES, STORAGE).jobs).toMatchObject({ storages: ['s3', 'ftp'], defaultStorage: 's3' })
  })

  test('checks at the gateway’s start that a key has its other half, and that no output would go with its Pod', () => {
    const { S3_SECRET_ACCESS_KEY } = STORAGE
    expect(() => settingsWith(BOTH_STORES, { S3_SECRET_ACCESS_KEY })).toThrow(/S3_SECRET_ACCESS_KEY needs S3_ACCESS/)
    expect(() => settingsWith({ STORAGE_TYPE: 's3' }, STORAGE)).toThrow('STORAGE_TYPE=s3 needs S3_BUCKET')
    expect(() => settingsWith({ STORAGE_TYPE: 'local' }, {})).toThrow(SettingsError)
  })

  test('has its Pods take from that Secret what its template names, and show nothing of it', () => {
    const pod = encoderOf(settingsWith(BOTH_STORES, STORAGE))
    const template = readSource('k8s/base/secret.yaml').split('---\n').at(-1) ?? ''
    const named = [...template.matchAll(/^# {5}([A-Z][A-Z0-9_]+): /gm)].map(([, name]) => name)
    expect(named).toEqual(Object.keys(STORAGE))
    expect(template).toContain(`name: ${one('Secret', 'tallylight-storage').metadata.name}`)
    expect(refsOf(pod)).toEqual(
      ['S3_SECRET_ACCESS_KEY', 'FTP_PASSWORD'].map((key) => ({ name: 'tallylight-storage', key })),
    )
    expect(named).toEqual(expect.arrayContaining(refsOf(pod).map(({ key }) => key)))
    for (const secret of [STORAGE.S3_SECRET_ACCESS_KEY, STORAGE.FTP_PASSWORD, ...Object.values(KEYS)]) {
      expect(JSON.stringify(pod)).not.toContain(secret)
    }
  })

  test('has its Pods reach the gateway’s internal Service, in the image of the release', () => {
    const [container] = encoderOf(settingsWith(BOTH_STORES, STORAGE)).spec?.containers ?? []
    const env = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]))
    expect(env).toMatchObject({
      GATEWAY_URL: 'http://tallylight-internal:8081',
      JOB_ID: TASK,
      WORK_DIR: ENCODE_ROLE.workDir,
    })
    expect(container?.image).toBe(one('ConfigMap', 'tallylight-gateway').data?.['WORKER_IMAGE'])
  })

  test('has Pods that the namespace lets in, with nothing that the API does not know', async () => {
    const pod = encoderOf(settingsWith(BOTH_STORES, STORAGE))
    checkRestricted(pod as unknown as Pod, folder)
    expect(await schemaProblems(pod as unknown as Manifest)).toEqual([])
  })
})

test('an encoding Pod is to the tests of its launcher what it is by the settings of an installation', () => {
  expect(jobRole(TEST_SETTINGS)).toEqual(ENCODE_ROLE)
})
