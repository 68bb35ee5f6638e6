import * as v from 'valibot'

import { fetchSite, siteUrl } from '../elements.ts'

/** The gateway has refused. The message is its reason, in English; `isFinal`: it would refuse again. */
export class PublishRefused extends Error {
  /** The code of its error; `null` where it cannot be read. */
  readonly code: string | null
  readonly isFinal: boolean
  constructor(message: string, { code, isFinal }: Pick<PublishRefused, 'code' | 'isFinal'>) {
    super(message)
    this.code = code
    this.isFinal = isFinal
  }
}

/** The connection could not be made, though the gateway has accepted it. */
export class PublishUnreachable extends Error {}

/** A published capture. */
export type Publication = {
  /** Sends another capture instead. */
  replace(capture: MediaStream): Promise<void>
  /** Ends it, so that another one can begin at once. */
  stop(): void
}

export type PublishOptions = {
  readonly streamId: string
  readonly capture: MediaStream
  /** Called once, when the connection is lost. */
  readonly onLost: () => void
}

const CONNECT_MS = 15_000
/** Time limit of the answer to an offer, in ms: the ingest admits a publisher before it. */
const OFFER_MS = 20_000
const MAX_BITS_PER_SECOND = 3_000_000
const Refusal = v.object({ error: v.object({ code: v.string(), message: v.string() }) })

/**
 * Publishes a capture by WHIP (RFC 9725); resolves once it is connected.
 * @throws PublishRefused, PublishUnreachable
 */
export async function publish({ streamId, capture, onLost }: PublishOptions): Promise<Publication> {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  let session: string | null = null
  const stop = () => {
    connection.onconnectionstatechange = null
    connection.close()
    // The page may be leaving.
    if (session !== null) void fetch(session, { method: 'DELETE', keepalive: true }).catch(() => undefined)
    session = null
  }
  try {
    for (const track of capture.getTracks())
      connection.addTransceiver(track, { direction: 'sendonly', streams: [capture] })
    await connection.setLocalDescription()
    const answer = await sendOffer(streamId, connection.localDescription?.sdp ?? '')
    session = answer.session
    await limitBitrate(connection)
    await connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp })
    await waitForConnection(connection)
  } catch (error) {
    stop()
    throw error
  }
  connection.onconnectionstatechange = () => {
    if (!['failed', 'disconnected', 'closed'].includes(connection.connectionState)) return
    stop()
    onLost()
  }
  return { stop, replace: (next) => replaceTracks(connection, next) }
}

type WhipAnswer = { readonly sdp: string; readonly session: string }

async function sendOffer(streamId: string, sdp: string): Promise<WhipAnswer> {
  const path = `api/v1/streams/${streamId}/whip`
  const response = await fetchSite(path, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: sdp,
    signal: AbortSignal.timeout(OFFER_MS),
  })
  const text = await response.text()
  const location = response.headers.get('location')
  if (response.status === 201 && location !== null) return { sdp: text, session: new URL(location, siteUrl(path)).href }
  const refusal = v.safeParse(v.pipe(v.string(), v.parseJson(), Refusal), text)
  const reason = refusal.success ? refusal.output.error.message : `HTTP ${response.status}`
  // Someone else may stop, and the platform may come back.
  throw new PublishRefused(reason, {
    code: refusal.success ? refusal.output.error.code : null,
    isFinal: response.status < 500 && response.status !== 429,
  })
}

/** Keeps the size of the picture where the line is slow: another size would interrupt the encoding. */
async function limitBitrate(connection: RTCPeerConnection): Promise<void> {
  for (const sender of connection.getSenders()) {
    if (sender.track?.kind !== 'video') continue
    const parameters = sender.getParameters()
    for (const encoding of parameters.encodings) encoding.maxBitrate = MAX_BITS_PER_SECOND
    await sender.setParameters({ ...parameters, degradationPreference: 'maintain-resolution' }).catch(() => undefined)
  }
}

function waitForConnection(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new PublishUnreachable()), CONNECT_MS)
    const check = () => {
      const { connectionState: state } = connection
      if (state === 'connected') resolve()
      else if (state === 'failed' || state === 'closed') reject(new PublishUnreachable())
      else return
      clearTimeout(deadline)
    }
    connection.onconnectionstatechange = check
    check()
  })
}

async function replaceTracks(connection: RTCPeerConnection, next: MediaStream): Promise<void> {
  for (const sender of connection.getSenders()) {
    const kind = sender.track?.kind
    const track = next.getTracks().find((one) => one.kind === kind)
    if (track !== undefined) await sender.replaceTrack(track)
  }
}
