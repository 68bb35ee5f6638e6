import type { default as Library, PeerConnection, Track } from 'node-datachannel'

import type { Log } from '../../../../shared/log.ts'

/** The library of WebRTC. It is native: a platform may lack it. */
export type WebRtc = Pick<typeof Library, 'PeerConnection' | 'IceUdpMuxListener'>

/** Loads the library; `null` where this platform has none. */
export async function loadWebRtc(log: Log): Promise<WebRtc | null> {
  try {
    const { default: library } = await import('node-datachannel')
    library.initLogger('Fatal')
    return library
  } catch (error) {
    log.warn('WebRTC cannot be loaded, WHIP is off', { error })
    return null
  }
}

/** The connection of a publisher over WebRTC. */
export type WebRtcPeer = {
  /** The answer to its offer, with all addresses at which it is expected. */
  readonly answer: string
  /** Sends RTCP on a track. */
  send(mid: string, bytes: Buffer): void
  close(): void
}

export type WebRtcPeerOptions = {
  /** From `writeOffer`. */
  readonly offer: string
  /** The UDP port that all peers of a worker share. */
  readonly port: number
  /** The address to listen on, as numbers; `null`: all of them. */
  readonly bindAddress: string | null
  readonly onPacket: (mid: string, bytes: Buffer) => void
  readonly onState: (state: PeerState) => void
}

export type PeerState = 'connected' | 'lost'

const GATHERING_MS = 3000
const STATES: Readonly<Record<string, PeerState>> = { connected: 'connected', failed: 'lost', closed: 'lost' }

/**
 * Answers an offer.
 * @throws Error where the library refuses the offer, or finds no address of this machine in time
 */
export async function openWebRtcPeer(library: WebRtc, options: WebRtcPeerOptions): Promise<WebRtcPeer> {
  const { port, bindAddress, onState } = options
  const peer = new library.PeerConnection('publisher', {
    iceServers: [],
    enableIceUdpMux: true,
    portRangeBegin: port,
    portRangeEnd: port,
    ...(bindAddress === null ? {} : { bindAddress }),
  })
  const tracks = new Map<string, Track>()
  peer.onTrack((track) => {
    const mid = track.mid()
    tracks.set(mid, track)
    track.onMessage((bytes) => options.onPacket(mid, bytes))
  })
  peer.onStateChange((state) => {
    const known = STATES[state]
    if (known !== undefined) onState(known)
  })
  try {
    return { answer: await answerOffer(peer, options.offer), send: createSender(tracks), close: () => peer.close() }
  } catch (error) {
    peer.close()
    throw error
  }
}

/** Returns the answer once all addresses are in it. */
async function answerOffer(peer: PeerConnection, offer: string): Promise<string> {
  const gathered = new Promise<boolean>((resolve) => {
    const deadline = setTimeout(() => resolve(false), GATHERING_MS)
    peer.onGatheringStateChange((state) => {
      if (state !== 'complete') return
      clearTimeout(deadline)
      resolve(true)
    })
  })
  peer.setRemoteDescription(offer, 'offer')
  const isComplete = await gathered
  const answer = peer.localDescription()
  if (!isComplete || answer === null) throw new Error('no address of this machine was found in time')
  return answer.sdp
}

function createSender(tracks: ReadonlyMap<string, Track>): WebRtcPeer['send'] {
  return (mid, bytes) => {
    try {
      tracks.get(mid)?.sendMessageBinary(bytes)
    } catch {
      // The connection is closing; its state says so.
    }
  }
}
