import type { Context as HonoContext } from 'hono'

/** A WebSocket (RFC 6455) that is open. */
export type OpenSocket = {
  /** Sends a text, as UTF-8, without waiting. Bytes that many sockets send cost the least. */
  send(text: Uint8Array | string): void
  /** Bytes that wait to be taken by the client. */
  readonly waitingBytes: number
  /** Closes it; a client that does not answer soon is cut off. */
  close(code: number, reason: string): void
  /** Ends the connection without a word. */
  cut(): void
}

/** What the owner of a socket hears. */
export type SocketEvents = {
  onText(text: string): void
  /** Called once, at its end. */
  onClose(): void
}

/** Answers a request for an upgrade, and calls `onOpen` when the socket is open. */
export type AcceptSocket = (c: HonoContext, onOpen: (socket: OpenSocket) => SocketEvents) => Promise<Response>
