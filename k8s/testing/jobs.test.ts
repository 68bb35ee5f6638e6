import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'

import { buildPod } from '../../gateway/adapters/kubernetes/pod-spec.ts'
import { ENCODE_ROLE } from '../../gateway/adapters/kubernetes/testing/roles.ts'
import { readGatewayAndJobSettings } from '../../gateway/testing/read-job-settings.ts'
import { jobRole, workerSpec } from '../../gateway/jobs/pod.ts'
import { SettingsError } from '../../gateway/settings/settings-error.ts'
import type { Pod } from '../../gateway/testing/fake-kubernetes/index.ts'
import { checkRestricted } from '../../gateway/testing/fake-kubernetes/api/pod-security.ts'
import {
  getOnlyContainer,
  resolveEnvironment,
  INSTALLATIONS,
  readInstallation,
  readSource,
  type Container,
} from './installation.ts'
import type { Manifest } from './kustomization.ts'
import { findSchemaProblems } from './manifest-schema.ts'
import { TEST_KEYS } from '../../gateway/testing/test-gateway.ts'

const TASK = 'task-019f0c9e-6d3b-7cc1-a0b4-4d8f1c2e5a77'
const KEYS = {
  API_KEY: 'k'.repeat(16),
  INTERNAL_API_KEY: 'k'.repeat(16),
  WEBHOOK_SIGNING_KEY: 'k'.repeat(16),
  DATABASE_URL: 'postgres://user:password@host:5432/tallylight',
}
/** The contents of the Secret that the comment in its template describes. */
const STORAGE = { S3_ACCESS_KEY_ID: 'who-we-are', S3_SECRET_ACCESS_KEY: 'never-to-be-seen', FTP_PASSWORD: 'nor-this' }
/** The settings of an installation with both kinds of stores. */
const BOTH_STORES = { STORAGE_TYPE: 's3', S3_BUCKET: 'media', FTP_HOST: 'ftp.example.com', FTP_USER: 'media' }

describe.each(INSTALLATIONS)('jobs on %s', (folder) => {
  const installation = readInstallation(folder)
  const { one, gateway, migration } = installation
  const containers = [getOnlyContainer(gateway), getOnlyContainer(migration)]

  function settingsWith(set: Readonly<Record<string, string>>, storage: Readonly<Record<string, string>>) {
    const secrets = { 'tallylight-gateway': KEYS, 'tallylight-storage': storage }
    // The migration and the gateway must accept the same settings.
    const read = (container: Container) =>
      readGatewayAndJobSettings({ ...resolveEnvironment(installation, container, secrets), ...set })
    read(getOnlyContainer(migration))
    return read(getOnlyContainer(gateway))
  }

  function encoderOf(given: ReturnType<typeof settingsWith>): V1Pod {
    const settings = { ...given, keys: TEST_KEYS }
    const spec = workerSpec({ id: TASK, launch: 1 }, { traceparent: null }, settings, 'its-own-token')
    const { workerImage: image = '', workerSecret: secret = '' } = given.cluster ?? {}
    return buildPod(spec, jobRole(settings), { namespace: 'tallylight', image, secret, owner: null })
  }

  const refsOf = (pod: V1Pod) =>
    (pod.spec?.containers[0]?.env ?? []).flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? [])

  test('have the settings of every store in the ConfigMap, unset, so that monitoring starts without a store', () => {
    const { data = {} } = one('ConfigMap', 'tallylight-gateway')
    for (const name of Object.keys(BOTH_STORES)) expect([name, data[name]]).toEqual([name, ''])
    const { jobs } = settingsWith({}, {})
    expect(jobs).toMatchObject({ stores: { storages: [], defaultStorage: null }, maxWorkers: 2 })
    expect(refsOf(encoderOf(settingsWith({}, {})))).toEqual([])
  })

  test('have their credentials passed to the gateway and the migration, which start without the Secret too', () => {
    for (const { envFrom = [] } of containers) {
      const refs = envFrom.flatMap(({ secretRef }) => secretRef ?? [])
      expect(refs).toContainEqual({ name: 'tallylight-storage', optional: true })
    }
    expect(settingsWith(BOTH_STORES, STORAGE).jobs.stores).toMatchObject({
      storages: ['s3', 'ftp'],
      defaultStorage: 's3',
    })
  })

  test('make the gateway refuse half of an S3 key, a store without its bucket, and local storage', () => {
    const { S3_SECRET_ACCESS_KEY } = STORAGE
    expect(() => settingsWith(BOTH_STORES, { S3_SECRET_ACCESS_KEY })).toThrow(/S3_SECRET_ACCESS_KEY needs S3_ACCESS/)
    expect(() => settingsWith({ STORAGE_TYPE: 's3' }, STORAGE)).toThrow('STORAGE_TYPE=s3 needs S3_BUCKET')
    expect(() => settingsWith({ STORAGE_TYPE: 'local' }, {})).toThrow(SettingsError)
  })

  test('have Pods that reference the credentials in the Secret and contain none of them', () => {
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

  test('have Pods with the image of the release that use the gateway’s internal Service', () => {
    const [container] = encoderOf(settingsWith(BOTH_STORES, STORAGE)).spec?.containers ?? []
    const env = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]))
    expect(env).toMatchObject({
      GATEWAY_URL: 'http://tallylight-internal:8081',
      JOB_ID: TASK,
      WORK_DIR: ENCODE_ROLE.workDir,
    })
    expect(container?.image).toBe(one('ConfigMap', 'tallylight-gateway').data?.['WORKER_IMAGE'])
  })

  test('have Pods that the namespace admits and the published schema accepts', async () => {
    const pod = encoderOf(settingsWith(BOTH_STORES, STORAGE))
    checkRestricted(pod as unknown as Pod, folder)
    expect(await findSchemaProblems(pod as unknown as Manifest)).toEqual([])
  })
})

test('the encode role of the launcher tests is that of the default settings', () => {
  expect(jobRole(readGatewayAndJobSettings({}))).toEqual(ENCODE_ROLE)
})
