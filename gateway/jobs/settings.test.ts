import { describe, expect, it } from 'vitest'

import { readSettings } from '../settings/read-settings.ts'
import { SettingsError } from '../settings/settings-error.ts'
import { readGatewayAndJobSettings } from '../testing/read-job-settings.ts'

const jobsOf = (env: Record<string, string>) => readGatewayAndJobSettings(env).jobs
const storesOf = (env: Record<string, string>) => jobsOf(env).stores
const ON_A_CLUSTER = { LAUNCHER: 'kubernetes', WORKER_IMAGE: 'worker:1' }

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readGatewayAndJobSettings(env)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}

describe('the settings of jobs', () => {
  it('have defaults for everything: outputs go into the data folder', () => {
    expect(jobsOf({})).toMatchObject({
      maxWorkers: 2,
      maxQueued: 1000,
      maxConcurrent: 1,
      timeoutSec: 3600,
      allowFileInput: false,
      stores: { defaultStorage: 'local', storages: ['local'], storageDir: '.data/media', secretEnv: {} },
      workDir: '/tmp/ffmpeg-jobs',
      resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '4', memory: '4Gi' } },
      workerEnv: { STORAGE_DIR: '.data/media', MEDIA_URL: 'http://127.0.0.1:8080/media' },
    })
  })

  it('list each store that is set up; in a cluster there is no local store, since Pods share no disk', () => {
    expect(storesOf({ S3_BUCKET: 'b', FTP_HOST: 'h' }).storages).toEqual(['local', 's3', 'ftp'])
    expect(storesOf({ S3_BUCKET: 'b', STORAGE_TYPE: 's3' }).defaultStorage).toBe('s3')
    expect(storesOf(ON_A_CLUSTER)).toMatchObject({ storages: [], defaultStorage: null, storageDir: null })
    expect(storesOf({ ...ON_A_CLUSTER, FTP_HOST: 'h' })).toMatchObject({ storages: ['ftp'], defaultStorage: 'ftp' })
  })

  it.each([
    ['STORAGE_TYPE=s3', { STORAGE_TYPE: 's3' }, 'STORAGE_TYPE=s3 needs S3_BUCKET'],
    ['STORAGE_TYPE=ftp', { STORAGE_TYPE: 'ftp' }, 'STORAGE_TYPE=ftp needs FTP_HOST'],
    ['STORAGE_TYPE', { STORAGE_TYPE: 'tape' }, 'STORAGE_TYPE must be s3, ftp or local'],
    ['local in a cluster', { ...ON_A_CLUSTER, STORAGE_TYPE: 'local' }, 'STORAGE_TYPE=local cannot be used'],
    ['a folder in a cluster', { ...ON_A_CLUSTER, STORAGE_DIR: '/m' }, 'STORAGE_DIR cannot be used'],
    ['half an S3 key', { S3_ACCESS_KEY_ID: 'a' }, 'S3_ACCESS_KEY_ID needs S3_SECRET_ACCESS_KEY'],
    ['the other half', { S3_SECRET_ACCESS_KEY: 'a' }, 'S3_SECRET_ACCESS_KEY needs S3_ACCESS_KEY_ID'],
    [
      'a password without a user',
      { FTP_HOST: 'h', FTP_PASSWORD: 'a', WORKER_SECRET: 'store-keys' },
      'FTP_PASSWORD needs FTP_USER: set it, or remove FTP_PASSWORD (in a cluster, from the Secret store-keys)',
    ],
    ['a URL as host', { FTP_HOST: 'ftp://h/x' }, 'FTP_HOST must be a host name'],
    ['an endpoint that is no URL', { S3_ENDPOINT: 'minio:9000' }, 'S3_ENDPOINT must be an http or https URL'],
    ['two days', { JOB_TIMEOUT: '48h' }, 'JOB_TIMEOUT must not be longer than a day'],
    ['no worker', { MAX_ENCODE_WORKERS: '0' }, 'MAX_ENCODE_WORKERS must be a whole number'],
    ['a level', { VALIDATION_LEVEL: 'lax' }, 'VALIDATION_LEVEL must be minimal, standard or strict'],
    ['a depth', { VALIDATION_HLS_DEPTH: 'deep' }, 'VALIDATION_HLS_DEPTH must be basic, medium or full'],
    ['a quantity', { ENCODE_MEMORY_LIMIT: '4G8' }, 'ENCODE_MEMORY_LIMIT must be a Kubernetes quantity'],
  ])('are refused with %s', (_what, env, problem) => {
    expect(problemsOf(env)).toEqual([expect.stringContaining(problem)])
  })

  it('ignore the password of an FTP store that is not set up, which a Secret may still hold', () => {
    const stale = { S3_BUCKET: 'b', FTP_PASSWORD: 'never-to-be-seen' }
    expect(problemsOf(stale)).toEqual([])
    expect(storesOf(stale)).toMatchObject({ storages: ['local', 's3'], secretEnv: {} })
    expect(JSON.stringify(readSettings(stale, []))).not.toContain('never-to-be-seen')
    expect(readSettings(stale, []).unusedSettings).toEqual(['FTP_PASSWORD'])
    expect(readSettings({ FTP_HOST: 'h', FTP_USER: 'u', FTP_PASSWORD: 'a' }, []).unusedSettings).toEqual([])
  })

  it('pass variables on to workers, secrets separately, and credential files only on this machine', () => {
    const given = {
      FFMPEG_PATH: '/opt/ffmpeg',
      HTTP_PROXY: 'http://proxy:3128',
      NO_PROXY: '.svc',
      VALIDATION_LEVEL: 'strict',
      INPUT_MAX_BYTES: '5',
      S3_BUCKET: 'b',
      S3_ACCESS_KEY_ID: 'id',
      AWS_REGION: 'eu-central-1',
    }
    const set = { ...given, MAX_CONCURRENT_JOBS: '3' }
    const secret = { S3_SECRET_ACCESS_KEY: 's', AWS_SECRET_ACCESS_KEY: 't', AWS_SESSION_TOKEN: 'u' }
    const others = { API_KEY: 'x'.repeat(20), DATABASE_URL: 'postgres://a/b', YTDLP_PATH: '/opt/yt-dlp' }
    const here = jobsOf({ ...set, ...secret, ...others, AWS_PROFILE: 'p' })
    const always = { WORK_DIR: '/tmp/ffmpeg-jobs', MAX_CONCURRENT_JOBS: '3' }
    const home = { ...always, STORAGE_DIR: '.data/media', MEDIA_URL: 'http://127.0.0.1:8080/media' }
    expect(here.workerEnv).toEqual({ ...given, ...home, AWS_PROFILE: 'p' })
    expect(here.stores.secretEnv).toEqual(secret)
    const there = jobsOf({ ...ON_A_CLUSTER, ...set, ...secret, AWS_PROFILE: 'p' })
    expect(there.workerEnv).toEqual({ ...given, ...always })
  })
})
