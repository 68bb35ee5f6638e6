import { randomBytes } from 'node:crypto'

import type { IngestReport } from '../../../shared/contract/live.ts'
import type { Log } from '../../../shared/log.ts'
import type { Clock } from '../../platform/clock.ts'
import { composeHttpUrl, peerHostOf } from '../../platform/peer-host.ts'
import { startStreamServer, type StreamServer } from '../../platform/stream-server.ts'
import type { PublishDecision } from './authorize-publisher.ts'
import { openEncoderPorts } from './encoder-ports.ts'
import type { IngestEnvironment } from './environment.ts'
import { openPort } from './open-port.ts'
import type { PublisherRegistry } from './publisher-registry.ts'
import {
  serveConnection,
  type ConnectionContext,
  type ConnectionDeadlines,
  type EncoderConnection,
  type PublishAttempt,
} from './serve-connection.ts'
import { serveReader } from './serve-readers.ts'

export type IngestServerOptions = {
  readonly environment: IngestEnvironment
  readonly registry: PublisherRegistry
  /** Decides on an encoder; `sourceUrl` is where its session will be read. */
  readonly authorize: (attempt: PublishAttempt, sourceUrl: string) => Promise<PublishDecision>
  readonly clock: Clock
  readonly log: Log
}

/** A running ingest server. Disposing of it ends all connections and readers. */
export type IngestServer = AsyncDisposable & {
  readonly ports: IngestReport['ports']
  /** Accepts no more encoders, and closes their connections. Readers go on. */
  stop(reason: string): void
  /** Returns how many readers there are. */
  readonly readers: () => number
}

const MAX_READERS = 2000
const DEADLINES: ConnectionDeadlines = { handshakeMs: 10_000, publishMs: 15_000, idleMs: 30_000 }
const SWEEP_MS = 500
/** Bytes of media of one session, and of all sessions that publish. */
const SESSION_BYTES = 64 * 1024 * 1024
const ALL_SESSIONS_BYTES = 1024 * 1024 * 1024
const TOKEN_BYTES = 32

type Readers = StreamServer & { readonly count: () => number }

/**
 * Starts the servers of an ingest worker: RTMP, RTMPS where there is a certificate, and HTTP for the readers.
 * @throws EnvironmentError where a port cannot be bound or the certificate cannot be used
 */
export async function startIngestServer(options: IngestServerOptions): Promise<IngestServer> {
  const { environment, registry, log } = options
  const readers = await startReaders(options)
  const baseUrl = composeHttpUrl(peerHostOf(environment), readers.port)
  const context = createContext(options, baseUrl)
  const connections = new Set<EncoderConnection>()
  const ports = await openEncoderPorts(
    environment,
    (connection) => {
      const served = serveConnection(connection, context)
      connections.add(served)
      connection.stream.once('close', () => connections.delete(served))
    },
    log,
  ).catch(async (error: unknown) => {
    await readers[Symbol.asyncDispose]()
    throw error
  })
  const sweep = setInterval(() => {
    for (const connection of connections) connection.checkDeadlines()
    registry.sweep()
  }, SWEEP_MS)
  return {
    ports: { rtmp: ports.rtmp, rtmps: ports.rtmps },
    readers: readers.count,
    stop: (reason) => {
      ports.stopListening()
      for (const connection of connections) connection.close(reason)
    },
    async [Symbol.asyncDispose]() {
      clearInterval(sweep)
      await Promise.all([ports[Symbol.asyncDispose](), readers[Symbol.asyncDispose]()])
    },
  }
}

async function startReaders({ environment, registry, clock, log }: IngestServerOptions): Promise<Readers> {
  const open = new Set<AbortSignal>()
  const choice = { variable: 'INGEST_HTTP_PORT', chosen: environment.INGEST_HTTP_PORT, usual: 0 }
  const start = (port: number) =>
    startStreamServer({
      host: peerHostOf(environment),
      port,
      maxConnections: MAX_READERS,
      onError: (error) => log.warn('reader failed', { error }),
      handle: (request) => {
        open.add(request.signal)
        request.signal.addEventListener('abort', () => open.delete(request.signal))
        return serveReader(registry, request, clock.nowMs())
      },
    })
  return Object.assign(await openPort(choice, start, log), { count: () => open.size })
}

function createContext(options: IngestServerOptions, baseUrl: string): ConnectionContext {
  const { registry, authorize, clock, log } = options
  return {
    registry,
    authorize: (attempt) => authorize(attempt, `${baseUrl}/sessions/${attempt.session}.flv`),
    createToken: () => randomBytes(TOKEN_BYTES).toString('hex'),
    capacityBytes: () => Math.min(SESSION_BYTES, ALL_SESSIONS_BYTES / Math.max(1, registry.publishing())),
    nowMs: () => clock.nowMs(),
    deadlines: DEADLINES,
    log,
  }
}
