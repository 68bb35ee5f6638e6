import { resolve } from 'node:path'

import * as v from 'valibot'

import { HttpUrl, Text } from '../../environment.ts'
import { type Store, StoreError } from './store.ts'
import { withRetries } from './with-retries.ts'

const PORT = 'must be a port'

/** The stores' settings, by the variables' names: of those that are not used none need be set. */
export const StoreSettings = v.object({
  /** The folder of the `local` store, and where the gateway serves it. */
  STORAGE_DIR: v.optional(Text),
  MEDIA_URL: v.optional(HttpUrl),
  S3_BUCKET: v.optional(Text),
  /** Without it the SDK's own way (`AWS_REGION`, its files), or `us-east-1` at an endpoint of one's own. */
  S3_REGION: v.optional(Text),
  /** A server that is not Amazon's. */
  S3_ENDPOINT: v.optional(HttpUrl),
  /** Both, or the SDK's own way: `AWS_*` variables, its files, the role of the machine or Pod. */
  S3_ACCESS_KEY_ID: v.optional(Text),
  S3_SECRET_ACCESS_KEY: v.optional(Text),
  /** Where readers find the bucket, where that is not the server itself. */
  S3_PUBLIC_URL: v.optional(HttpUrl),
  FTP_HOST: v.optional(Text),
  /** Default 21, of implicit TLS 990. */
  FTP_PORT: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,5}$/, PORT), v.transform(Number), v.minValue(1, PORT), v.maxValue(65_535, PORT)),
  ),
  FTP_USER: v.optional(Text, 'anonymous'),
  FTP_PASSWORD: v.optional(v.string(), ''),
  /** `true`: AUTH TLS. `NODE_EXTRA_CA_CERTS` names authorities beyond the well-known ones. */
  FTP_SECURE: v.optional(v.picklist(['true', 'implicit', 'false'], 'must be true, implicit or false'), 'false'),
  /** The folder that holds everything; without a slash at its beginning, below where the log-in leads. */
  FTP_PATH: v.optional(v.pipe(v.string(), v.trim()), ''),
  FTP_PUBLIC_URL: v.optional(HttpUrl),
})
export type StoreSettings = v.InferOutput<typeof StoreSettings>

/**
 * Opens one of the stores; nothing is sent yet, and what is sent later is tried again where the store is not reached.
 * What only one of them needs is loaded only for that one.
 * @throws StoreError `STORE_REFUSED`, naming the setting that is missing
 */
export async function openStore(kind: 'local' | 's3' | 'ftp', settings: StoreSettings): Promise<Store> {
  return withRetries(await openKind(kind, settings))
}

async function openKind(kind: 'local' | 's3' | 'ftp', settings: StoreSettings): Promise<Store> {
  switch (kind) {
    case 'local': {
      const { openLocalStore } = await import('./local.ts')
      const dir = resolve(needed(settings, 'STORAGE_DIR'))
      return openLocalStore({ dir, url: needed(settings, 'MEDIA_URL') })
    }
    case 's3': {
      const { openS3Store } = await import('./s3.ts')
      return openS3Store(s3SettingsOf(settings))
    }
    case 'ftp': {
      const { openFtpStore } = await import('./ftp.ts')
      return openFtpStore(ftpSettingsOf(settings))
    }
  }
}

/** Downloads an `s3://bucket/key` input; see `fetchS3Object`. */
export async function fetchFromS3(
  settings: StoreSettings,
  source: { readonly url: string; readonly path: string; readonly maxBytes: number },
  signal: AbortSignal,
): Promise<void> {
  const { fetchS3Object } = await import('./s3-download.ts')
  await fetchS3Object(s3SettingsOf(settings), source, signal)
}

function s3SettingsOf(settings: StoreSettings) {
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = settings
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new StoreError('STORE_REFUSED', 'S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together')
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

function ftpSettingsOf(settings: StoreSettings) {
  const tls = FTP_TLS[settings.FTP_SECURE]
  return {
    host: needed(settings, 'FTP_HOST'),
    port: settings.FTP_PORT ?? (tls === 'implicit' ? 990 : 21),
    user: settings.FTP_USER,
    password: settings.FTP_PASSWORD,
    tls,
    folder: settings.FTP_PATH,
    publicUrl: settings.FTP_PUBLIC_URL ?? null,
  }
}

function needed(settings: StoreSettings, name: 'STORAGE_DIR' | 'MEDIA_URL' | 'FTP_HOST'): string {
  const value = settings[name]
  if (value === undefined) throw new StoreError('STORE_REFUSED', `${name} is not set`)
  return value
}
