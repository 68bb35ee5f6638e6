import { createWriteStream } from 'node:fs'
import { access, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

import { FileSystem, type FtpConnection, FtpSrv } from 'ftp-srv'

import type { Certificate } from './certificate.ts'
import { freePort } from './free-port.ts'

/** An FTP server on 127.0.0.1. */
export type FtpDouble = AsyncDisposable & {
  readonly port: number
  readonly user: string
  readonly password: string
  /** The folder that it serves. */
  readonly dir: string
  /** The most log-ins that there were at once. */
  mostConnections(): number
  /** Cuts every connection. */
  closeConnections(): Promise<void>
}

export type FtpDoubleOptions = {
  /** TLS, from the first byte on or when asked for. */
  readonly tls?: Certificate & { readonly isImplicit: boolean }
  /** Like servers that do not rename onto a file that is there. */
  readonly refusesToReplace?: boolean
  readonly refusesToRemove?: boolean
  /** Keeps so many bytes of each file, and takes that for success. */
  readonly keepsBytes?: number
  /** Logs nobody in beyond so many. */
  readonly maxConnections?: number
}

const USER = 'studio'
const PASSWORD = 'correct horse'

/** An FTP server within this process, over a folder of its own. */
export async function startFtpDouble(options: FtpDoubleOptions = {}): Promise<FtpDouble> {
  const { tls, maxConnections = Infinity } = options
  const dir = await mkdtemp(join(tmpdir(), 'ftp-double-'))
  const port = await freePort()
  const server = new FtpSrv({
    url: `${tls?.isImplicit === true ? 'ftps' : 'ftp'}://127.0.0.1:${port}`,
    pasv_url: '127.0.0.1',
    tls: tls ?? false,
    log: SILENT,
  })
  const connected = new Set<string>()
  let most = 0
  server.on('login', ({ connection, username, password }, resolve, reject) => {
    if (username !== USER || password !== PASSWORD) return reject(new Error(`not the password: ${password}`))
    if (connected.size >= maxConnections) return reject(new Error('too many connections'))
    connected.add(connection.id)
    most = Math.max(most, connected.size)
    resolve({ fs: fileSystemOf(connection, dir, options) })
  })
  server.on('disconnect', ({ id }) => connected.delete(id))
  server.on('client-error', () => undefined)
  await server.listen()
  return {
    port,
    user: USER,
    password: PASSWORD,
    dir,
    mostConnections: () => most,
    closeConnections: async () => {
      await Promise.all([...connected].map((id) => server.disconnectClient(id)))
    },
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** The package's own opens a file before it knows whether it can, and then answers twice. */
class PlainFileSystem extends FileSystem {
  override async write(name: string): Promise<unknown> {
    const path = join(this.root, name)
    await access(dirname(path))
    return { stream: createWriteStream(path), clientPath: name }
  }
}

/** What a server does not do for its users. */
type Failings = Pick<FtpDoubleOptions, 'refusesToReplace' | 'refusesToRemove' | 'keepsBytes'>

function fileSystemOf(
  connection: FtpConnection,
  root: string,
  { refusesToReplace, refusesToRemove, keepsBytes }: Failings,
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

function quiet(): void {
  // Its log goes to stdout otherwise.
}

const SILENT = {
  child: () => SILENT,
  trace: quiet,
  debug: quiet,
  info: quiet,
  warn: quiet,
  error: quiet,
}
