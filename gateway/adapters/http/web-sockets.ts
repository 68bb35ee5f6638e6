import { ServerResponse, type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { upgradeWebSocket, type ServerType } from '@hono/node-server'
import { WebSocket, WebSocketServer } from 'ws'

import type { AcceptSocket, OpenSocket, SocketEvents } from '../../ports/web-sockets.ts'
import { frameText } from './text-frame.ts'

/** Longest text of a client, in bytes. */
const MAX_TEXT_BYTES = 16 * 1024
/** Interval of pings, in ms; a client that has not answered by the next one is gone. */
const PING_MS = 20_000
/** How long a client may take to answer a close, in ms. */
const CLOSE_MS = 2000
/** `readyState` of a socket that is open (WebSockets Standard). */
const OPEN = 1
/** RFC 6455 §7.4.1: a client may send text only. */
const UNSUPPORTED_DATA = 1003

/** Creates what upgrades connections of a server to WebSockets (RFC 6455). */
export function createSocketServer(): WebSocketServer {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_TEXT_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  })
  return server.on('connection', (socket, { socket: connection }) => connections.set(socket, connection))
}

/** The connections of open sockets. */
const connections = new WeakMap<WebSocket, Socket>()

/** Accepts sockets of a server that `listen` has started. */
export const acceptSocket: AcceptSocket = (c, onOpen) => {
  let events: SocketEvents | null = null
  let end = () => {}
  return upgradeWebSocket(c, {
    onOpen(_event, { raw }) {
      if (!(raw instanceof WebSocket)) throw new TypeError('the socket is not one of `ws`')
      events = onOpen(toOpenSocket(raw))
      end = keepAlive(raw)
    },
    onMessage({ data }, socket) {
      if (typeof data === 'string') events?.onText(data)
      else socket.close(UNSUPPORTED_DATA, 'send text')
    },
    onClose() {
      end()
      events?.onClose()
      events = null
    },
    // A close follows.
    onError: () => undefined,
  })
}

function toOpenSocket(socket: WebSocket): OpenSocket {
  const connection = connections.get(socket)
  if (connection === undefined) throw new TypeError('the server of sockets is another one')
  let isClosing = false
  return {
    send(text) {
      // Each text is one write: `ws` would write its header and the text apart. One for many clients is framed once.
      if (socket.readyState === OPEN) connection.write(frameText(typeof text === 'string' ? Buffer.from(text) : text))
    },
    get waitingBytes() {
      return connection.writableLength
    },
    close(code, reason) {
      if (isClosing) return
      isClosing = true
      socket.close(code, reason)
      const late = setTimeout(() => socket.terminate(), CLOSE_MS)
      socket.on('close', () => clearTimeout(late))
    },
    cut: () => socket.terminate(),
  }
}

/** Pings a client, and ends the connection of one that does not answer; returns a function that ends this. */
function keepAlive(socket: WebSocket): () => void {
  let isAlive = true
  socket.on('pong', () => {
    isAlive = true
  })
  const pings = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, PING_MS)
  return () => clearInterval(pings)
}

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * Makes a server answer requests that want another protocol than WebSocket, such as `h2c` of curl, as if they did not
 * (RFC 9110 §7.8): Node hands over every request with `Upgrade` as soon as one protocol is known.
 */
export function ignoreOtherUpgrades(server: ServerType): void {
  const [upgrade] = server.listeners('upgrade')
  if (upgrade === undefined) throw new Error('the server has no sockets')
  server.removeAllListeners('upgrade')
  const answer: UpgradeListener = (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket') upgrade.call(server, request, socket, head)
    else answerPlainly(server, request, socket)
  }
  server.on('upgrade', answer)
}

/** Answers the last request of a connection, of which Node reads no body. */
function answerPlainly(server: ServerType, request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy())
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  if (!(socket instanceof Socket) || length !== '0' || encoding !== undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.on('finish', () => socket.end())
  server.emit('request', request, response)
}
