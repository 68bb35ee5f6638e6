/** What a page does with one connection of a chat. */
export type TransportListener = {
  /** Called when messages can be sent; `send` is `null` where they are posted. */
  onOpen(send: ((text: string) => void) | null): void
  onFrame(data: unknown): void
  onEnd(): void
  /** Called once, when it is lost or has ended, with the code of a socket. */
  onClose(code: number): void
}

/** A stream of events has no code of its own. */
const NO_CODE = 0

/** Opens a WebSocket. */
export function openSocket(address: string, listener: TransportListener): void {
  const socket = new WebSocket(address.replace(/^http/, 'ws'))
  socket.addEventListener('open', () => listener.onOpen((text) => socket.send(text)))
  socket.addEventListener('message', ({ data }) => listener.onFrame(data))
  socket.addEventListener('close', ({ code }) => listener.onClose(code))
}

/** Opens a stream of server-sent events. */
export function openEvents(address: string, listener: TransportListener): void {
  const source = new EventSource(address)
  source.addEventListener('open', () => listener.onOpen(null))
  source.addEventListener('message', ({ data }) => listener.onFrame(data))
  source.addEventListener('end', () => {
    source.close()
    listener.onEnd()
  })
  source.addEventListener('error', () => {
    // Its own attempts would go on after the number in the address.
    source.close()
    listener.onClose(NO_CODE)
  })
}
