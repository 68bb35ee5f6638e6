import { WebSocket } from 'ws'

import type { Json } from '../../../testing/test-gateway.ts'

/** A client of a chat by WebSocket that records what it receives. */
export type ChatClient = Disposable & {
  /** Entries of the chat, in the order in which they came. */
  readonly entries: readonly Json[]
  /** Answers to what it sent, and other frames without a number. */
  readonly answers: readonly Json[]
  readonly closed: () => { readonly code: number; readonly reason: string } | null
  say(text: string, nonce: string): void
  sendText(text: string): void
  /** Takes no more from the network, or goes on. */
  pause(isPaused: boolean): void
  /** Breaks the connection without a word. */
  cut(): void
}

/** Opens a socket to the chat of a broadcast. @throws Error with the status where the gateway refuses */
export async function openChatClient(
  url: string,
  streamId: string,
  { from, headers = {} }: { readonly from?: number; readonly headers?: Record<string, string> } = {},
): Promise<ChatClient> {
  const query = from === undefined ? '' : `?from=${from}`
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/streams/${streamId}/chat${query}`, { headers })
  const entries: Json[] = []
  const answers: Json[] = []
  let closed: { code: number; reason: string } | null = null
  socket.on('message', (data) => {
    const read: Json = JSON.parse(new TextDecoder().decode(data as Uint8Array))
    for (const one of Array.isArray(read) ? read : [read])
      (one.type === 'ack' || one.seq === undefined ? answers : entries).push(one)
  })
  socket.on('close', (code, reason) => {
    closed = { code, reason: new TextDecoder().decode(reason) }
  })
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => resolve())
    socket.on('error', reject)
  })
  const sendText = (text: string) => socket.send(text)
  return {
    entries,
    answers,
    closed: () => closed,
    sendText,
    say: (text, nonce) => sendText(JSON.stringify({ type: 'message', text, nonce })),
    pause: (isPaused) => (isPaused ? socket.pause() : socket.resume()),
    cut: () => socket.terminate(),
    [Symbol.dispose]: () => socket.terminate(),
  }
}
