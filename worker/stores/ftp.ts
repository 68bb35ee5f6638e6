import { open, rm, stat } from 'node:fs/promises'

import { type FileInfo, FTPError } from 'basic-ftp'

import { mapInParallel } from '../platform/map-in-parallel.ts'
import {
  createFtpConnectionPool,
  type FtpConnection,
  type FtpConnectionPool,
  type FtpSettings,
} from './ftp-connection-pool.ts'
import {
  createNameMatcher,
  createTemporaryName,
  groupByFolder,
  isTemporaryName,
  joinUrl,
  parseFolder,
  parseKey,
} from './keys.ts'
import { isLocalErrorCode, type Store, StoreError, type StoreErrorCode, throwIfAborted } from './store.ts'

/** Limit for removing a partial upload, which runs after the caller's signal has aborted. */
const CLEANUP_TIMEOUT_MS = 10_000

/** Between the creation of a folder and of its first file, a concurrent call may remove the folder because it is empty. */
const MAX_FOLDER_ATTEMPTS = 4

const PARALLEL_REMOVALS = 8

/** Opens a store in a folder of an FTP server, over FTP or FTPS in passive mode. FTP cannot store a file's headers. */
export function openFtpStore(settings: FtpSettings): Store {
  const pool = createFtpConnectionPool(settings)
  const withStoreErrors = async <Result>(call: () => Promise<Result>, signal: AbortSignal): Promise<Result> => {
    try {
      throwIfAborted(signal)
      return await call()
    } catch (error) {
      throw toStoreError(error, signal, settings.password)
    }
  }
  return {
    urlOf: (key) => joinUrl(settings.publicUrl ?? serverUrl(settings), key),
    put: (key, path, _headers, signal) => withStoreErrors(() => put(pool, key, path, signal), signal),
    get: (key, path, signal) => withStoreErrors(() => get(pool, key, path, signal), signal),
    remove: (keys, signal) => withStoreErrors(() => remove(pool, keys, signal), signal),
    removeFolder: (folder, signal) =>
      withStoreErrors(async () => {
        const names = parseFolder(folder)
        await pool.use(async (connection) => {
          await removeFolder(connection, folder.slice(0, -1))
          await removeEmptyFolders(connection, names.slice(0, -1))
        }, signal)
      }, signal),
    changeClass: () => Promise.resolve(),
    list: (folder, signal) =>
      withStoreErrors(async () => {
        parseFolder(folder)
        return pool.use((connection) => list(connection, folder), signal)
      }, signal),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

function serverUrl({ host, port, tls, folder }: FtpSettings): string {
  const scheme = tls === 'none' ? 'ftp' : 'ftps'
  const standardPort = tls === 'implicit' ? 990 : 21
  return joinUrl(`${scheme}://${host}${port === standardPort ? '' : `:${port}`}`, folder.replace(/^\/+|\/+$/g, ''))
}

async function put(pool: FtpConnectionPool, key: string, path: string, signal: AbortSignal): Promise<void> {
  const names = parseKey(key)
  const parents = names.slice(0, -1)
  const temporaryKey = [...parents, createTemporaryName(names.at(-1) ?? '')].join('/')
  let hasStarted = false
  try {
    await pool.use(async (connection) => {
      hasStarted = true
      await uploadTemporary(connection, { path, temporaryKey, parents })
      throwIfAborted(signal)
      await replace(connection, temporaryKey, key)
    }, signal)
  } catch (error) {
    if (hasStarted) await removeTemporary(pool, temporaryKey, parents)
    throw error
  }
}

type TemporaryUpload = {
  readonly path: string
  readonly temporaryKey: string
  readonly parents: readonly string[]
}

async function uploadTemporary(
  { client, root }: FtpConnection,
  { path, temporaryKey, parents }: TemporaryUpload,
): Promise<void> {
  const { size } = await stat(path)
  for (let attempt = 1; ; attempt++) {
    try {
      await uploadFile(client, path, `${root}/${temporaryKey}`)
      break
    } catch (error) {
      if (!isRefusal(error, 550, 553) || attempt === MAX_FOLDER_ATTEMPTS) throw error
      const folders = [...root.split('/').slice(1), ...parents]
      // An existing folder is refused too; the next upload shows whether all folders exist.
      for (const [i] of folders.entries()) await client.sendIgnoringError(`MKD /${folders.slice(0, i + 1).join('/')}`)
    }
  }
  // A broken data connection looks like the end of the file. Not every server reports sizes.
  const stored = await client.size(`${root}/${temporaryKey}`).catch(ignoreRefusal(size))
  if (stored !== size) throw new StoreError('STORE_UNAVAILABLE', `FTP: only ${stored} of ${size} bytes were stored`)
}

/**
 * Uploads a file. Given its path, the library closes the descriptor twice where a transfer breaks, and so a file or a socket
 * that has got the same number meanwhile. A `FileHandle` closes once.
 */
async function uploadFile(client: FtpConnection['client'], path: string, target: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await client.uploadFrom(file.createReadStream(), target)
  } finally {
    await file.close()
  }
}

/** Downloads to a file, as `uploadFile` uploads. */
async function downloadFile(client: FtpConnection['client'], path: string, source: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    await client.downloadTo(file.createWriteStream(), source)
  } finally {
    await file.close()
  }
}

/** Renames a file to its key. Some servers refuse to replace an existing file, which is then removed first. */
async function replace({ client, root }: FtpConnection, temporaryKey: string, key: string): Promise<void> {
  const rename = () => client.rename(`${root}/${temporaryKey}`, `${root}/${key}`)
  try {
    await rename()
  } catch (error) {
    if (!(error instanceof FTPError)) throw error
    await client.remove(`${root}/${key}`)
    await rename()
  }
}

/** Removes a partial upload. Where that fails, a later `remove` of its key finds it by its name. */
async function removeTemporary(
  pool: FtpConnectionPool,
  temporaryKey: string,
  parents: readonly string[],
): Promise<void> {
  const removeFile = async (connection: FtpConnection) => {
    await connection.client.remove(`${connection.root}/${temporaryKey}`).catch(ignoreRefusal(null))
    await removeEmptyFolders(connection, parents)
  }
  await pool.use(removeFile, AbortSignal.timeout(CLEANUP_TIMEOUT_MS)).catch(() => undefined)
}

async function get(pool: FtpConnectionPool, key: string, path: string, signal: AbortSignal): Promise<void> {
  parseKey(key)
  try {
    await pool.use(({ client, root }) => downloadFile(client, path, `${root}/${key}`), signal)
  } catch (error) {
    await rm(path, { force: true })
    throw isRefusal(error, 550, 551) ? new StoreError('STORE_NOT_FOUND', 'the key does not exist') : error
  }
}

async function remove(pool: FtpConnectionPool, keys: readonly string[], signal: AbortSignal): Promise<void> {
  for (const [folder, names] of groupByFolder(keys)) {
    const matches = createNameMatcher(names)
    const findFiles = async (connection: FtpConnection) =>
      (await readEntries(connection, folder)).filter((entry) => !entry.isDirectory && matches(entry.name))
    const removeFile = ({ name }: FileInfo, fileSignal: AbortSignal) =>
      pool.use(({ client, root }) => client.remove(`${root}/${folder}${name}`).catch(ignoreRefusal(null)), fileSignal)
    const files = await pool.use(findFiles, signal)
    await mapInParallel(files, removeFile, { limit: PARALLEL_REMOVALS, signal })
    await pool.use(async (connection) => {
      // A refusal means that a concurrent call removed the file, or that the account may not.
      const remaining = files.length === 0 ? [] : await findFiles(connection)
      if (remaining.length > 0) throw new StoreError('STORE_REFUSED', 'FTP: a file cannot be removed')
      await removeEmptyFolders(connection, folder.split('/').slice(0, -1))
    }, signal)
  }
}

/** Removes a folder with all below it. Refusals are ignored, because concurrent calls cause some; remaining entries fail. */
async function removeFolder(connection: FtpConnection, folder: string): Promise<void> {
  const { client, root } = connection
  for (const entry of await readEntries(connection, `${folder}/`)) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory) await removeFolder(connection, path)
    else await client.remove(`${root}/${path}`).catch(ignoreRefusal(null))
  }
  await client.removeEmptyDir(`${root}/${folder}`).catch(ignoreRefusal(null))
  const remaining = await readEntries(connection, `${folder}/`)
  if (remaining.length > 0) throw new StoreError('STORE_REFUSED', 'FTP: a folder cannot be removed')
}

async function list(connection: FtpConnection, folder: string): Promise<string[]> {
  const entries = await readEntries(connection, folder)
  const keys = entries.filter(({ name, isFile }) => isFile && !isTemporaryName(name)).map(({ name }) => folder + name)
  for (const { name } of entries.filter(({ isDirectory }) => isDirectory)) {
    keys.push(...(await list(connection, `${folder}${name}/`)))
  }
  return keys
}

/**
 * Returns the entries of a folder; none where it does not exist. The folder is entered first, because some servers read
 * the argument of LIST as options or as a pattern.
 */
async function readEntries({ client, root }: FtpConnection, folder: string): Promise<FileInfo[]> {
  try {
    await client.cd(`${root}/${folder}`)
  } catch (error) {
    if (isRefusal(error, 550)) return []
    throw error
  }
  const entries = await client.list()
  // Some servers refuse to remove the current folder of a connection.
  await client.cd('/')
  return entries
}

/** Removes empty folders from the innermost outwards, but never the store's root. */
async function removeEmptyFolders({ client, root }: FtpConnection, names: readonly string[]): Promise<void> {
  try {
    for (let depth = names.length; depth > 0; depth--) {
      await client.removeEmptyDir(`${root}/${names.slice(0, depth).join('/')}`)
    }
  } catch (error) {
    if (!(error instanceof FTPError)) throw error
  }
}

function isRefusal(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof FTPError && codes.includes(error.code)
}

/** Returns an error handler that replaces a permanent negative reply by a fallback; other errors are thrown. */
function ignoreRefusal<Fallback>(fallback: Fallback): (error: unknown) => Fallback {
  return (error) => {
    if (error instanceof FTPError && error.code >= 500) return fallback
    throw error
  }
}

function toStoreError(error: unknown, signal: AbortSignal, password: string): StoreError {
  if (error instanceof StoreError) return error
  if (signal.aborted) return new StoreError('ABORTED', 'aborted')
  const message = error instanceof Error ? error.message : String(error)
  return new StoreError(classify(error), `FTP: ${password === '' ? message : message.replaceAll(password, '…')}`)
}

/** Classifies an error. RFC 959 §4.2: 452 and 552 concern storage space, 4yz replies are transient, 5yz permanent. */
function classify(error: unknown): StoreErrorCode {
  if (isRefusal(error, 452, 552)) return 'ENOSPC'
  if (error instanceof FTPError) return error.code < 500 ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOSPC') return 'ENOSPC'
  return isLocalErrorCode(code) ? 'STORE_REFUSED' : 'STORE_UNAVAILABLE'
}
