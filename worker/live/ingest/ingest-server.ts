import { randomBytes } from 'node:crypto'

import type { IngestReport, SrtListener } from '../../../shared/contract/live.ts'
import type { Log } from '../../../shared/log.ts'
import type { Clock } from '../../platform/clock.ts'
import { composeHttpUrl, peerHostOf } from '../../platform/peer-host.ts'
import { startStreamServer, type StreamServer } from '../../platform/stream-server.ts'
import type { PublishDecision } from './authorize-publisher.ts'
import { openEncoderPorts, type EncoderPorts } from './encoder-ports.ts'
import type { IngestEnvironment } from './environment.ts'
import { openSessionJournal } from './media/session-journal.ts'
import { createSessionMedia } from './media/session-media.ts'
import { openPort } from './open-port.ts'
import type { PublisherRegistry } from './publisher-registry.ts'
import { keepPort, readEarlierPort } from './restore.ts'
import {
  serveConnection,
  type ConnectionContext,
  type ConnectionDeadlines,
  type EncoderConnection,
  type PublishAttempt,
} from './serve-connection.ts'
import { serveReader } from './serve-readers.ts'
import { createSrtListeners } from './srt/srt-listeners.ts'
import { startWhipServer, WHIP_PATH, type WhipServer } from './whip-server.ts'

export type IngestServerOptions = {
  readonly environment: IngestEnvironment
  readonly registry: PublisherRegistry
  /** Decides on an encoder. */
  readonly authorize: (attempt: PublishAttempt, inquiry: PublishInquiry) => Promise<PublishDecision>
  readonly clock: Clock
  readonly gatewayClock: Clock
  readonly log: Log
}

/** `sourceUrl`: where the session will be read. `isTrial`: it does not begin yet. */
export type PublishInquiry = { readonly sourceUrl: string; readonly isTrial: boolean }

/** A running ingest server. Disposing of it ends all connections and readers. */
export type IngestServer = AsyncDisposable & {
  readonly ports: IngestReport['ports']
  readonly whip: IngestReport['whip']
  /** The UDP port of WebRTC; `null`: there is none. */
  readonly whipPort: number | null
  /** Opens the listeners for SRT that are new, and closes those that are not among them. */
  readonly applySrt: (listeners: readonly SrtListener[]) => void
  /** Accepts no more encoders, and lets those that publish leave. Readers go on. */
  stop(reason: string): void
  /** Returns how many readers there are. */
  readonly readers: () => number
}

const MAX_READERS = 2000
const DEADLINES: ConnectionDeadlines = { handshakeMs: 10_000, publishMs: 15_000, idleMs: 30_000 }
/** Interval at which deadlines are checked and old media is dropped, in ms. The first deadline passes after 10 s. */
const SWEEP_MS = 500
const IDLE_SWEEP_MS = 2000
/** Bytes of media of one session, and of all sessions that publish. */
const SESSION_BYTES = 64 * 1024 * 1024
const ALL_SESSIONS_BYTES = 1024 * 1024 * 1024
const TOKEN_BYTES = 32

type Readers = StreamServer & { readonly count: () => number }

/**
 * Starts the servers of an ingest worker: RTMP, RTMPS where there is a certificate, WHIP, and HTTP for readers and offers.
 * Listeners for SRT follow.
 * @throws EnvironmentError where a port cannot be bound or the certificate cannot be used
 */
export async function startIngestServer(options: IngestServerOptions): Promise<IngestServer> {
  const { environment, registry } = options
  const opened: AsyncDisposable[] = []
  try {
    let whip: WhipServer | null = null
    const readers = await startReaders(options, () => whip)
    opened.push(readers)
    const baseUrl = composeHttpUrl(peerHostOf(environment), readers.port)
    const context = createContext(options, baseUrl)
    const connections = new Set<EncoderConnection>()
    const whipStart = startWhip(options, context, baseUrl)
    opened.push(disposeLater(whipStart))
    const ports = await openPorts(options, context, connections)
    opened.push(ports)
    whip = await whipStart
    const { RTMP_HOST: host, FFMPEG_PATH: ffmpegPath } = environment
    const srt = createSrtListeners({ ...context, host, ffmpegPath })
    opened.push(srt)
    let timer: ReturnType<typeof setTimeout> | undefined
    const sweep = () => {
      for (const connection of connections) connection.checkDeadlines()
      registry.sweep()
      timer = setTimeout(sweep, connections.size > 0 ? SWEEP_MS : IDLE_SWEEP_MS)
    }
    sweep()
    return {
      ports: { rtmp: ports.rtmp, rtmps: ports.rtmps },
      whip: whip === null ? null : { url: `${baseUrl}${WHIP_PATH}` },
      whipPort: whip?.port ?? null,
      readers: readers.count,
      applySrt: srt.apply,
      stop: (reason) => {
        ports.stopListening()
        for (const connection of connections) connection.drain(reason)
        whip?.stop(reason)
        srt.stop(reason)
      },
      async [Symbol.asyncDispose]() {
        clearTimeout(timer)
        await disposeAll(opened)
      },
    }
  } catch (error) {
    await disposeAll(opened)
    throw error
  }
}

async function disposeAll(resources: readonly AsyncDisposable[]): Promise<void> {
  await Promise.all(resources.map((resource) => resource[Symbol.asyncDispose]()))
}

/** Returns a resource that is disposed of once it is there. */
function disposeLater(start: Promise<AsyncDisposable | null>): AsyncDisposable {
  const settled = start.catch(() => null)
  return { [Symbol.asyncDispose]: async () => (await settled)?.[Symbol.asyncDispose]() }
}

function openPorts(
  { environment, log }: IngestServerOptions,
  context: ConnectionContext,
  connections: Set<EncoderConnection>,
): Promise<EncoderPorts> {
  return openEncoderPorts(
    environment,
    (connection) => {
      const served = serveConnection(connection, context)
      connections.add(served)
      connection.stream.once('close', () => connections.delete(served))
    },
    log,
  )
}

function startWhip(
  { environment, authorize }: IngestServerOptions,
  context: ConnectionContext,
  baseUrl: string,
): Promise<WhipServer | null> {
  return startWhipServer({
    ...context,
    environment,
    authorize: (attempt, isTrial) => authorize(attempt, { sourceUrl: sourceUrlOf(baseUrl, attempt), isTrial }),
  })
}

function sourceUrlOf(baseUrl: string, { session }: PublishAttempt): string {
  return `${baseUrl}/sessions/${session}.flv`
}

async function startReaders(
  { environment, registry, gatewayClock, log }: IngestServerOptions,
  whip: () => WhipServer | null,
): Promise<Readers> {
  const open = new Set<AbortSignal>()
  const { INGEST_HTTP_PORT: chosen, JOURNAL_DIR: journalDir } = environment
  const earlier = journalDir === undefined ? 0 : await readEarlierPort(journalDir)
  const choice = { variable: 'INGEST_HTTP_PORT', chosen: chosen === 0 ? undefined : chosen, usual: earlier }
  const start = (port: number) =>
    startStreamServer({
      host: peerHostOf(environment),
      port,
      maxConnections: MAX_READERS,
      onError: (error) => log.warn('reader failed', { error }),
      handle: (request) => {
        const nowMs = gatewayClock.nowMs()
        const offers = whip()
        if (offers?.isFor(request.path) === true) return offers.handle(request, nowMs)
        open.add(request.signal)
        request.signal.addEventListener('abort', () => open.delete(request.signal))
        return serveReader(registry, request, nowMs)
      },
    })
  const server = await openPort(choice, start, log)
  if (journalDir !== undefined) await keepPort(journalDir, server.port)
  return Object.assign(server, { count: () => open.size })
}

function createContext(options: IngestServerOptions, baseUrl: string): ConnectionContext {
  const { environment, registry, authorize, clock, log } = options
  const capacityBytes = () => Math.min(SESSION_BYTES, ALL_SESSIONS_BYTES / Math.max(1, registry.publishing()))
  return {
    registry,
    authorize: (attempt) => authorize(attempt, { sourceUrl: sourceUrlOf(baseUrl, attempt), isTrial: false }),
    createToken: () => randomBytes(TOKEN_BYTES).toString('hex'),
    createMedia: (owner) => {
      const dir = environment.JOURNAL_DIR
      const journal = dir === undefined ? null : openSessionJournal({ dir, owner, capacityBytes, log })
      return createSessionMedia(clock.nowMs(), { capacityBytes, journal })
    },
    nowMs: () => clock.nowMs(),
    deadlines: DEADLINES,
    log,
  }
}
