import { readFile } from 'node:fs/promises'

import type { Log } from '../../../shared/log.ts'
import { EnvironmentError } from '../../environment.ts'
import { startTcpServer, type TcpConnection, type TcpServer, type TlsFiles } from '../../platform/tcp-server.ts'
import { createConnectionLimiter } from './connection-limiter.ts'
import type { IngestEnvironment } from './environment.ts'
import { openPort } from './open-port.ts'

/** The servers that encoders connect to. Disposing of them destroys all connections. */
export type EncoderPorts = AsyncDisposable & {
  readonly rtmp: number
  /** `null`: there is no certificate. */
  readonly rtmps: number | null
  /** Accepts no more connections. */
  stopListening(): void
}

const RTMP_PORT = 1935
const RTMPS_PORT = 1936
/** Connections of one port. */
const MAX_CONNECTIONS = 1000
/** Connections of one address that do not publish. */
const MAX_PER_ADDRESS = 20

/**
 * Opens the ports for RTMP and, where there is a certificate, for RTMPS.
 * @throws EnvironmentError where a port cannot be bound or the certificate cannot be used
 */
export async function openEncoderPorts(
  environment: IngestEnvironment,
  onConnection: (connection: TcpConnection) => void,
  log: Log,
): Promise<EncoderPorts> {
  const tls = await readTlsFiles(environment)
  const limiter = createConnectionLimiter(MAX_PER_ADDRESS)
  const open = (port: number, files: TlsFiles | null) =>
    startTcpServer({
      host: environment.RTMP_HOST,
      port,
      tls: files,
      maxConnections: MAX_CONNECTIONS,
      admit: (address) => limiter.admit(address),
      onConnection,
    })
  const rtmpChoice = { variable: 'RTMP_PORT', chosen: environment.RTMP_PORT, usual: RTMP_PORT }
  const rtmp = await openPort(rtmpChoice, (port) => open(port, null), log)
  if (tls === null) return combinePorts(rtmp, null)
  try {
    const rtmpsChoice = { variable: 'RTMPS_PORT', chosen: environment.RTMPS_PORT, usual: RTMPS_PORT }
    return combinePorts(rtmp, await openPort(rtmpsChoice, (port) => open(port, tls), log))
  } catch (error) {
    await rtmp[Symbol.asyncDispose]()
    throw error
  }
}

function combinePorts(rtmp: TcpServer, rtmps: TcpServer | null): EncoderPorts {
  return {
    rtmp: rtmp.port,
    rtmps: rtmps?.port ?? null,
    stopListening: () => {
      rtmp.stopListening()
      rtmps?.stopListening()
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([rtmp[Symbol.asyncDispose](), rtmps?.[Symbol.asyncDispose]()])
    },
  }
}

async function readTlsFiles({ TLS_CERT_FILE, TLS_KEY_FILE }: IngestEnvironment): Promise<TlsFiles | null> {
  if (TLS_CERT_FILE === undefined || TLS_KEY_FILE === undefined) return null
  const [cert, key] = await Promise.all([
    readPem('TLS_CERT_FILE', TLS_CERT_FILE),
    readPem('TLS_KEY_FILE', TLS_KEY_FILE),
  ])
  return { cert, key }
}

async function readPem(variable: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new EnvironmentError(
      `${variable} cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`,
    )
  }
}
