import { createWriteStream } from 'node:fs'
import { access, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

import { FileSystem, type FtpConnection, FtpSrv } from 'ftp-srv'

import type { Certificate } from '../../shared/testing/certificate.ts'
import { findFreePort } from '../../shared/testing/free-port.ts'

/** A running FTP server on 127.0.0.1. */
export type FtpDouble = AsyncDisposable & {
  readonly port: number
  readonly user: string
  readonly password: string
  /** The served folder. */
  readonly dir: string
  /** Returns the maximum number of concurrent logins. */
  mostConnections(): number
  /** Cuts all connections. */
  closeConnections(): Promise<void>
}

export type FtpDoubleOptions = {
  /** TLS, implicit or explicit. */
  readonly tls?: Certificate & { readonly isImplicit: boolean }
  /** Refuses to rename to an existing name, like some servers. */
  readonly refusesToReplace?: boolean
  readonly refusesToRemove?: boolean
  /** Stores only this many bytes of each chunk, and reports success. */
  readonly keepsBytes?: number
  /** Refuses further logins. */
  readonly maxConnections?: number
}

const USER = 'studio'
const PASSWORD = 'correct horse'

/** Starts an FTP server in this process, with a folder of its own. */
export async function startFtpDouble(options: FtpDoubleOptions = {}): Promise<FtpDouble> {
  const { tls, maxConnections = Infinity } = options
  const dir = await mkdtemp(join(tmpdir(), 'ftp-double-'))
  const port = await findFreePort()
  const server = new FtpSrv({
    url: `${tls?.isImplicit === true ? 'ftps' : 'ftp'}://127.0.0.1:${port}`,
    pasv_url: '127.0.0.1',
    tls: tls ?? false,
    log: SILENT,
  })
  const connected = new Set<string>()
  let maxConnected = 0
  server.on('login', ({ connection, username, password }, resolve, reject) => {
    if (username !== USER || password !== PASSWORD) return reject(new Error(`wrong password: ${password}`))
    if (connected.size >= maxConnections) return reject(new Error('too many connections'))
    connected.add(connection.id)
    maxConnected = Math.max(maxConnected, connected.size)
    resolve({ fs: createFileSystem(connection, dir, options) })
  })
  server.on('disconnect', ({ id }) => connected.delete(id))
  server.on('client-error', () => undefined)
  await server.listen()
  return {
    port,
    user: USER,
    password: PASSWORD,
    dir,
    mostConnections: () => maxConnected,
    closeConnections: async () => {
      await Promise.all([...connected].map((id) => server.disconnectClient(id)))
    },
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Fixes the package's file system, which sends two replies where a file cannot be opened. */
class PlainFileSystem extends FileSystem {
  override async write(name: string): Promise<unknown> {
    const path = join(this.root, name)
    await access(dirname(path))
    return { stream: createWriteStream(path), clientPath: name }
  }
}

/** Faults of the file system. */
type FtpFaults = Pick<FtpDoubleOptions, 'refusesToReplace' | 'refusesToRemove' | 'keepsBytes'>

function createFileSystem(
  connection: FtpConnection,
  root: string,
  { refusesToReplace, refusesToRemove, keepsBytes }: FtpFaults,
) {
  const served = new PlainFileSystem(connection, { root, cwd: '/' })
  const rename = served.rename.bind(served)
  if (refusesToReplace === true) {
    served.rename = async (from, to) => {
      const files = await readdir(dirname(join(root, to)))
      if (files.includes(basename(to))) throw new Error('file exists')
      return rename(from, to)
    }
  }
  if (keepsBytes !== undefined) {
    served.write = async (name) => {
      const stream = createWriteStream(join(root, name), { highWaterMark: 1 })
      const write = stream._write.bind(stream)
      stream._write = (chunk: Buffer, encoding, done) => write(chunk.subarray(0, keepsBytes), encoding, done)
      return { stream, clientPath: name }
    }
  }
  if (refusesToRemove === true) served.delete = () => Promise.reject(new Error('not allowed'))
  return served
}

function ignore(): void {
  // Discards a log line, which ftp-srv would print to stdout.
}

const SILENT = {
  child: () => SILENT,
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
}
