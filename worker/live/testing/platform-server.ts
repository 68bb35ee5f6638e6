import type { Duplex } from 'node:stream'

import { until } from '../../../shared/testing/until.ts'
import { startTcpServer, type TlsFiles } from '../../platform/tcp-server.ts'
import { createRtmpSession, type RtmpSession } from '../ingest/rtmp/rtmp-session.ts'
import type { RtmpMessage } from '../ingest/rtmp/rtmp-message.ts'

/** A publication that a platform has received. */
export type ReceivedPublication = {
  readonly key: string
  /** Bodies of audio and video messages so far, with their times. */
  readonly media: readonly RtmpMessage[]
  /** The client ended it in words, and not by closing the connection alone. */
  readonly isUnpublished: boolean
  readonly isClosed: boolean
}

/** Another platform: a server of RTMP that behaves as a test wants. Disposing of it closes all connections. */
export type PlatformServer = AsyncDisposable & {
  readonly port: number
  /** Publications that were accepted, in order. */
  readonly publications: readonly ReceivedPublication[]
  /** Times at which clients asked to publish, in ms. */
  readonly attemptsMs: readonly number[]
  waitForMedia(publication: number, isEnough: (media: readonly RtmpMessage[]) => boolean): Promise<ReceivedPublication>
  /** Closes the open connections, as a platform does that restarts. */
  cutConnections(): void
}

export type PlatformOptions = {
  readonly port?: number
  readonly tls?: TlsFiles
  /** Returns why a key is refused; `null`: it is accepted. */
  readonly refuse?: (key: string) => string | null
  /** Reads nothing more of a publication once it is accepted. */
  readonly stopsReading?: boolean
}

type OpenPublication = { -readonly [Field in keyof ReceivedPublication]: ReceivedPublication[Field] } & {
  readonly media: RtmpMessage[]
}

/** Starts the server. */
export async function startPlatform(options: PlatformOptions = {}): Promise<PlatformServer> {
  const publications: OpenPublication[] = []
  const attemptsMs: number[] = []
  const open = new Set<Duplex>()

  function decide(session: RtmpSession, stream: Duplex, key: string): OpenPublication | null {
    attemptsMs.push(performance.now())
    const refusal = options.refuse?.(key) ?? null
    if (refusal !== null) {
      session.refuse(refusal)
      stream.end()
      return null
    }
    const publication: OpenPublication = { key, media: [], isUnpublished: false, isClosed: false }
    publications.push(publication)
    stream.on('close', () => (publication.isClosed = true))
    session.acceptPublish()
    if (options.stopsReading === true) stream.pause()
    return publication
  }

  function serve(stream: Duplex): void {
    const session = createRtmpSession((bytes) => void stream.write(bytes))
    let publication: OpenPublication | null = null
    open.add(stream)
    stream.on('close', () => open.delete(stream))
    stream.on('data', (bytes: Buffer) => {
      session.receive(bytes)
      for (let event = session.nextEvent(); event !== null; event = session.nextEvent()) {
        if (event.kind === 'publish') publication = decide(session, stream, event.name)
        else if (event.kind === 'media') publication?.media.push(event.message)
        else if (event.kind === 'unpublish' && publication !== null) publication.isUnpublished = true
      }
    })
  }

  const server = await startTcpServer({
    host: '127.0.0.1',
    port: options.port ?? 0,
    tls: options.tls ?? null,
    maxConnections: 100,
    admit: () => () => {},
    onConnection: ({ stream }) => serve(stream),
  })
  return {
    port: server.port,
    publications,
    attemptsMs,
    waitForMedia: async (at, isEnough) => {
      await until(() => isEnough(publications[at]?.media ?? []), `publication ${at} has enough media`)
      const found = publications[at]
      if (found === undefined) throw new Error(`there is no publication ${at}`)
      return found
    },
    cutConnections: () => {
      for (const stream of open) stream.destroy()
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
