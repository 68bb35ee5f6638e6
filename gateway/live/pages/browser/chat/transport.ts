import { SILENCE } from '../elements.ts'

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
  const leaving = new AbortController()
  const { signal } = leaving
  const leave = (code: number) => {
    leaving.abort()
    socket.close()
    listener.onClose(code)
  }
  socket.addEventListener('open', () => listener.onOpen((text) => socket.send(text)), { signal })
  socket.addEventListener('message', ({ data }) => listener.onFrame(data), { signal })
  socket.addEventListener('close', ({ code }) => leave(code), { signal })
  document.addEventListener(SILENCE, () => leave(NO_CODE), { signal })
}

/** Opens a stream of server-sent events. */
export function openEvents(address: string, listener: TransportListener): void {
  const source = new EventSource(address)
  const leaving = new AbortController()
  const { signal } = leaving
  const leave = () => {
    // Its own attempts would go on after the number in the address.
    source.close()
    leaving.abort()
  }
  const lose = () => {
    leave()
    listener.onClose(NO_CODE)
  }
  source.addEventListener('open', () => listener.onOpen(null), { signal })
  source.addEventListener('message', ({ data }) => listener.onFrame(data), { signal })
  source.addEventListener(
    'end',
    () => {
      leave()
      listener.onEnd()
    },
    { signal },
  )
  source.addEventListener('error', lose, { signal })
  document.addEventListener(SILENCE, lose, { signal })
}
