/** What is used of the package, which has no types of its own. */
declare module 'ws' {
  import type { IncomingMessage } from 'node:http'
  import type { Duplex } from 'node:stream'
  import type { WebSocketData } from '@hono/node-server'

  type MessageListener = (data: WebSocketData, isBinary: boolean) => void
  type HeadersListener = (headers: string[]) => void
  type ConnectionListener = (socket: WebSocket, request: IncomingMessage) => void
  type SocketOptions = { readonly headers?: Readonly<Record<string, string>> }

  export class WebSocket {
    constructor(url: string, options?: SocketOptions)
    readonly protocol: string
    readonly readyState: 0 | 1 | 2 | 3
    readonly bufferedAmount: number
    on(event: 'message', listener: MessageListener): this
    on(event: 'close', listener: (code: number, reason: Uint8Array) => void): this
    on(event: 'error', listener: (error: unknown) => void): this
    on(event: 'open' | 'pong', listener: () => void): this
    off(event: 'message', listener: MessageListener): this
    send(data: string | ArrayBuffer | ArrayBufferView, options?: { binary?: boolean; compress?: boolean }): void
    ping(): void
    pause(): void
    resume(): void
    close(code?: number, reason?: string): void
    terminate(): void
  }

  type ServerOptions = {
    readonly noServer: true
    readonly maxPayload: number
    readonly perMessageDeflate: false
    readonly clientTracking: false
  }

  export class WebSocketServer {
    constructor(options: ServerOptions)
    readonly options: { noServer?: boolean }
    on(event: 'connection', listener: ConnectionListener): this
    on(event: 'headers', listener: HeadersListener): this
    off(event: 'headers', listener: HeadersListener): this
    emit(event: 'connection', socket: WebSocket, request: IncomingMessage): boolean
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, callback: (socket: WebSocket) => void): void
    close(): void
  }
}
