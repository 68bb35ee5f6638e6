import { resolve } from 'node:path'

import * as v from 'valibot'

import { HttpUrl, NonEmptyText, Port } from '../environment.ts'
import { type Store, StoreError } from './store.ts'
import { withRetries } from './with-retries.ts'

/** Settings of all stores, by the names of their environment variables. Only those of the used store must be set. */
export const StoreSettings = v.object({
  /** Root folder of the `local` store, and the URL at which the gateway serves it. */
  STORAGE_DIR: v.optional(NonEmptyText),
  MEDIA_URL: v.optional(HttpUrl),
  S3_BUCKET: v.optional(NonEmptyText),
  /** Default: the SDK's default chain (`AWS_REGION`, its files); with `S3_ENDPOINT`, `us-east-1`. */
  S3_REGION: v.optional(NonEmptyText),
  /** URL of an S3-compatible server; default: Amazon S3. */
  S3_ENDPOINT: v.optional(HttpUrl),
  /** Both or none. Default: the SDK's default chain (`AWS_*`, its files, the role of the machine or Pod). */
  S3_ACCESS_KEY_ID: v.optional(NonEmptyText),
  S3_SECRET_ACCESS_KEY: v.optional(NonEmptyText),
  /** Base URL of the bucket for readers; default: the server's own URL. */
  S3_PUBLIC_URL: v.optional(HttpUrl),
  FTP_HOST: v.optional(NonEmptyText),
  /** Default: 21, with implicit TLS 990. */
  FTP_PORT: v.optional(Port),
  FTP_USER: v.optional(NonEmptyText, 'anonymous'),
  FTP_PASSWORD: v.optional(v.string(), ''),
  /** `true`: AUTH TLS. `NODE_EXTRA_CA_CERTS` adds certificate authorities. */
  FTP_SECURE: v.optional(v.picklist(['true', 'implicit', 'false'], 'must be true, implicit or false'), 'false'),
  /** Root folder of the store; without a leading slash it is relative to the account's home folder. */
  FTP_PATH: v.optional(v.pipe(v.string(), v.trim()), ''),
  FTP_PUBLIC_URL: v.optional(HttpUrl),
})
export type StoreSettings = v.InferOutput<typeof StoreSettings>

/**
 * Opens a store, whose calls are repeated where the store is unavailable. Nothing is sent yet. Each store's module is
 * loaded only where that store is used.
 * @throws StoreError `STORE_REFUSED`, with the name of a missing setting
 */
export async function openStore(kind: 'local' | 's3' | 'ftp', settings: StoreSettings): Promise<Store> {
  return withRetries(await openWithoutRetries(kind, settings))
}

async function openWithoutRetries(kind: 'local' | 's3' | 'ftp', settings: StoreSettings): Promise<Store> {
  switch (kind) {
    case 'local': {
      const { openLocalStore } = await import('./local.ts')
      const dir = resolve(requireSetting(settings, 'STORAGE_DIR'))
      return openLocalStore({ dir, url: requireSetting(settings, 'MEDIA_URL') })
    }
    case 's3': {
      const { openS3Store } = await import('./s3.ts')
      return openS3Store(toS3Settings(settings))
    }
    case 'ftp': {
      const { openFtpStore } = await import('./ftp.ts')
      return openFtpStore(toFtpSettings(settings))
    }
  }
}

/**
 * Downloads an `s3://bucket/key` input.
 * @throws StoreError; no file is left at the path then
 */
export async function fetchFromS3(
  settings: StoreSettings,
  source: { readonly url: string; readonly path: string; readonly maxBytes: number },
  signal: AbortSignal,
): Promise<void> {
  const { fetchS3Object } = await import('./s3-download.ts')
  await fetchS3Object(toS3Settings(settings), source, signal)
}

function toS3Settings(settings: StoreSettings) {
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = settings
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new StoreError('STORE_REFUSED', 'S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must both be set, or neither')
  }
  return {
    bucket: settings.S3_BUCKET ?? null,
    region: settings.S3_REGION ?? null,
    endpoint: settings.S3_ENDPOINT ?? null,
    credentials: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : null,
    publicUrl: settings.S3_PUBLIC_URL ?? null,
  }
}

const FTP_TLS = { false: 'none', true: 'explicit', implicit: 'implicit' } as const

function toFtpSettings(settings: StoreSettings) {
  const tls = FTP_TLS[settings.FTP_SECURE]
  return {
    host: requireSetting(settings, 'FTP_HOST'),
    port: settings.FTP_PORT ?? (tls === 'implicit' ? 990 : 21),
    user: settings.FTP_USER,
    password: settings.FTP_PASSWORD,
    tls,
    folder: settings.FTP_PATH,
    publicUrl: settings.FTP_PUBLIC_URL ?? null,
  }
}

function requireSetting(settings: StoreSettings, name: 'STORAGE_DIR' | 'MEDIA_URL' | 'FTP_HOST'): string {
  const value = settings[name]
  if (value === undefined) throw new StoreError('STORE_REFUSED', `${name} is not set`)
  return value
}
