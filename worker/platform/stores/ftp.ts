import { rm, stat } from 'node:fs/promises'

import { type FileInfo, FTPError } from 'basic-ftp'

import { inParallel } from '../in-parallel.ts'
import { type Connection, createFtpConnections, type Connections, type FtpSettings } from './ftp-connections.ts'
import {
  byFolder,
  folderNamesOf,
  isTemporary,
  matcherOf,
  namesOf,
  type Store,
  StoreError,
  type StoreErrorCode,
  temporaryNameOf,
  throwIfAborted,
  urlUnder,
} from './store.ts'

/** What a broken-off upload has left is removed within this time, whoever has aborted it. */
const TAKE_BACK_TIMEOUT_MS = 10_000

/** A folder may be removed, emptied by another call, between its making and a file's: so often it is made again. */
const FOLDER_TRIES = 4

const PARALLEL_REMOVALS = 8

/** A folder of an FTP server, over FTP or FTPS, in passive mode. What a file's headers would say cannot be told there. */
export function openFtpStore(settings: FtpSettings): Store {
  const connections = createFtpConnections(settings)
  const told = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    try {
      throwIfAborted(signal)
      return await work()
    } catch (error) {
      throw failureOf(error, signal, settings.password)
    }
  }
  return {
    urlOf: (key) => urlUnder(settings.publicUrl ?? ownUrl(settings), key),
    put: (key, path, _headers, signal) => told(() => put(connections, key, path, signal), signal),
    get: (key, path, signal) => told(() => get(connections, key, path, signal), signal),
    remove: (keys, signal) => told(() => remove(connections, keys, signal), signal),
    clear: (folder, signal) =>
      told(async () => {
        const names = folderNamesOf(folder)
        await connections.use(async (connection) => {
          await clear(connection, folder.slice(0, -1))
          await removeEmptied(connection, names.slice(0, -1))
        }, signal)
      }, signal),
    list: (folder, signal) =>
      told(async () => {
        folderNamesOf(folder)
        return connections.use((connection) => list(connection, folder), signal)
      }, signal),
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  }
}

function ownUrl({ host, port, tls, folder }: FtpSettings): string {
  const scheme = tls === 'none' ? 'ftp' : 'ftps'
  const standardPort = tls === 'implicit' ? 990 : 21
  return urlUnder(`${scheme}://${host}${port === standardPort ? '' : `:${port}`}`, folder.replace(/^\/+|\/+$/g, ''))
}

async function put(connections: Connections, key: string, path: string, signal: AbortSignal): Promise<void> {
  const names = namesOf(key)
  const parents = names.slice(0, -1)
  const part = [...parents, temporaryNameOf(names.at(-1) ?? '')].join('/')
  let hasBegun = false
  try {
    await connections.use(async (connection) => {
      hasBegun = true
      await uploadTo(connection, { path, part, parents })
      throwIfAborted(signal)
      await replace(connection, part, key)
    }, signal)
  } catch (error) {
    if (hasBegun) await takeBack(connections, part, parents)
    throw error
  }
}

type Part = { readonly path: string; readonly part: string; readonly parents: readonly string[] }

async function uploadTo({ client, root }: Connection, { path, part, parents }: Part): Promise<void> {
  const { size } = await stat(path)
  for (let attempt = 1; ; attempt++) {
    try {
      await client.uploadFrom(path, `${root}/${part}`)
      break
    } catch (error) {
      if (!isRefusal(error, 550, 553) || attempt === FOLDER_TRIES) throw error
      const folders = [...root.split('/').slice(1), ...parents]
      // What is there already is refused: that the upload shows.
      for (const [i] of folders.entries()) await client.sendIgnoringError(`MKD /${folders.slice(0, i + 1).join('/')}`)
    }
  }
  // A data connection that ends too early looks like the end of the file. Not every server tells sizes.
  const stored = await client.size(`${root}/${part}`).catch(unlessRefused(size))
  if (stored !== size) throw new StoreError('STORE_UNAVAILABLE', `FTP: ${stored} of ${size} bytes have arrived`)
}

/** Some servers do not rename onto a file that is there: for those it goes first. */
async function replace({ client, root }: Connection, part: string, key: string): Promise<void> {
  const renamePart = () => client.rename(`${root}/${part}`, `${root}/${key}`)
  try {
    await renamePart()
  } catch (error) {
    if (!(error instanceof FTPError)) throw error
    await client.remove(`${root}/${key}`)
    await renamePart()
  }
}

async function takeBack(connections: Connections, part: string, parents: readonly string[]): Promise<void> {
  const remaining = async (connection: Connection) => {
    await connection.client.remove(`${connection.root}/${part}`).catch(unlessRefused(null))
    await removeEmptied(connection, parents)
  }
  // What cannot be reached now is found again by remove().
  await connections.use(remaining, AbortSignal.timeout(TAKE_BACK_TIMEOUT_MS)).catch(() => undefined)
}

async function get(connections: Connections, key: string, path: string, signal: AbortSignal): Promise<void> {
  namesOf(key)
  try {
    await connections.use(({ client, root }) => client.downloadTo(path, `${root}/${key}`), signal)
  } catch (error) {
    await rm(path, { force: true })
    throw isRefusal(error, 550, 551) ? new StoreError('STORE_NOT_FOUND', 'nothing is stored there') : error
  }
}

async function remove(connections: Connections, keys: readonly string[], signal: AbortSignal): Promise<void> {
  for (const [folder, names] of byFolder(keys)) {
    const isDoomed = matcherOf(names)
    const left = async (connection: Connection) =>
      (await entriesOf(connection, folder)).filter((entry) => !entry.isDirectory && isDoomed(entry.name))
    const removeOne = ({ name }: FileInfo, oneSignal: AbortSignal) =>
      connections.use(
        ({ client, root }) => client.remove(`${root}/${folder}${name}`).catch(unlessRefused(null)),
        oneSignal,
      )
    const found = await connections.use(left, signal)
    await inParallel(found, removeOne, { limit: PARALLEL_REMOVALS, signal })
    await connections.use(async (connection) => {
      // A refusal may mean that another call was faster, or that we may not.
      const still = found.length === 0 ? [] : await left(connection)
      if (still.length > 0) throw new StoreError('STORE_REFUSED', 'FTP: a file cannot be removed')
      await removeEmptied(connection, folder.split('/').slice(0, -1))
    }, signal)
  }
}

/** Refusals do not matter, for another call may have been faster; what is left in the end does. */
async function clear(connection: Connection, folder: string): Promise<void> {
  const { client, root } = connection
  for (const entry of await entriesOf(connection, `${folder}/`)) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory) await clear(connection, path)
    else await client.remove(`${root}/${path}`).catch(unlessRefused(null))
  }
  await client.removeEmptyDir(`${root}/${folder}`).catch(unlessRefused(null))
  const left = await entriesOf(connection, `${folder}/`)
  if (left.length > 0) throw new StoreError('STORE_REFUSED', 'FTP: a folder cannot be cleared')
}

async function list(connection: Connection, folder: string): Promise<string[]> {
  const entries = await entriesOf(connection, folder)
  const keys = entries.filter(({ name, isFile }) => isFile && !isTemporary(name)).map(({ name }) => folder + name)
  for (const { name } of entries.filter(({ isDirectory }) => isDirectory)) {
    keys.push(...(await list(connection, `${folder}${name}/`)))
  }
  return keys
}

/**
 * What a folder holds; of one that is not there, nothing. It is entered first: what LIST is given some servers take for
 * options or a pattern.
 */
async function entriesOf({ client, root }: Connection, folder: string): Promise<FileInfo[]> {
  try {
    await client.cd(`${root}/${folder}`)
  } catch (error) {
    if (isRefusal(error, 550)) return []
    throw error
  }
  const entries = await client.list()
  // A folder that is somebody's current one cannot be removed everywhere.
  await client.cd('/')
  return entries
}

/** Removes these folders from the innermost out, as long as they are empty; never the store's own. */
async function removeEmptied({ client, root }: Connection, names: readonly string[]): Promise<void> {
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

/** For replies that do not matter; a broken connection does. */
function unlessRefused<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof FTPError && error.code >= 500) return instead
    throw error
  }
}

function failureOf(error: unknown, signal: AbortSignal, password: string): StoreError {
  if (error instanceof StoreError) return error
  if (signal.aborted) return new StoreError('ABORTED', 'aborted')
  const message = error instanceof Error ? error.message : String(error)
  return new StoreError(codeOf(error), `FTP: ${password === '' ? message : message.replaceAll(password, '…')}`)
}

/** A file that cannot be read or written, and a certificate that is not trusted. */
const OURS = /^(?:ENOENT|EACCES|EISDIR|EIO)$|CERT/

function codeOf(error: unknown): StoreErrorCode {
  // RFC 959 §4.2: 452 and 552 tell of storage, 4yz may pass, 5yz stays.
  if (isRefusal(error, 452, 552)) return 'ENOSPC'
  if (error instanceof FTPError) return error.code < 500 ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOSPC') return 'ENOSPC'
  return OURS.test(code) ? 'STORE_REFUSED' : 'STORE_UNAVAILABLE'
}
