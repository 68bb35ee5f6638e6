import * as v from 'valibot'

import { siteUrl } from '../elements.ts'
import { callApi } from './call-api.ts'
import { readFrame, type ChatEvent } from './chat-events.ts'
import { openEvents, openSocket, type TransportListener } from './transport.ts'

/** How a chat is connected. `signed_out` and `gone` are final. */
export type ChatConnectionState = 'connecting' | 'open' | 'lost' | 'signed_out' | 'gone'

/** What a page does with its connection to a chat. */
export type ChatListener = {
  onEvent(event: ChatEvent): void
  onState(state: ChatConnectionState): void
}

/** A connection to a chat, over lost ones too. */
export type ChatConnection = {
  /** Sends a message. It is sent again after a lost connection; an event answers it. */
  readonly say: (text: string, nonce: string) => void
}

/** Attempts in a row that a socket may fail before events are tried, too. */
const SOCKET_ATTEMPTS = 2
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 8000
/** How long an answer to a message is waited for, in ms. */
const ANSWER_MS = 8000

/** A broadcast whose chat is closed. */
const EndedStream = v.object({ state: v.literal('ended') })

const FINAL: Readonly<Record<number, 'signed_out' | 'gone'>> = { 4401: 'signed_out', 4404: 'gone' }

/** Connects to the chat of a broadcast after a number, by WebSocket or, where there is none, by server-sent events. */
export function connectChat(streamId: string, fromSeq: number, listener: ChatListener): ChatConnection {
  const path = `api/v1/streams/${streamId}`
  const url = siteUrl(`${path}/chat`)
  const waiting = new Map<string, WaitingText>()
  let seen = fromSeq
  let failures = 0
  let hasEnded = false
  let sendText: ((text: string) => void) | null = null

  function handle(event: ChatEvent): void {
    if ('seq' in event) {
      if (event.seq <= seen) return
      seen = event.seq
    }
    if (event.type === 'end') hasEnded = true
    if ((event.type === 'ack' || event.type === 'error') && event.nonce !== null) stopWaiting(waiting, event.nonce)
    listener.onEvent(event)
  }
  function send(nonce: string, text: string): void {
    if (sendText === null) void post(path, { nonce, text }, handle)
    else sendText(JSON.stringify({ type: 'message', text, nonce }))
  }
  const transport: TransportListener = {
    onOpen(opened) {
      failures = 0
      sendText = opened
      listener.onState('open')
      for (const [nonce, { text }] of waiting) send(nonce, text)
    },
    onFrame: (data) => readFrame(data).forEach(handle),
    onEnd: () => handle({ type: 'end' }),
    onClose(code) {
      sendText = null
      const final = FINAL[code]
      if (final !== undefined) listener.onState(final)
      else if (!hasEnded) {
        listener.onState('lost')
        setTimeout(() => void connect(), retryAfterMs(failures++))
      }
    },
  }
  async function connect(): Promise<void> {
    // A socket that is refused has no code that says why.
    const fate = failures < SOCKET_ATTEMPTS ? null : await readFate(path)
    if (fate === 'ended') return handle({ type: 'end' })
    if (fate === 'gone') return listener.onState('gone')
    if (failures >= SOCKET_ATTEMPTS && failures % 2 === 0) openEvents(`${url}/events?from=${seen}`, transport)
    else openSocket(`${url}?from=${seen}`, transport)
  }
  listener.onState('connecting')
  void connect()
  return {
    say(text, nonce) {
      const timer = setTimeout(() => handle({ type: 'error', nonce, code: 'NO_ANSWER' }), ANSWER_MS)
      waiting.set(nonce, { text, timer })
      send(nonce, text)
    },
  }
}

/** Returns whether a broadcast has ended, or may not be watched any more; `null`: neither, or it is not known. */
async function readFate(path: string): Promise<'ended' | 'gone' | null> {
  const answer = await callApi('GET', path)
  if (answer.ok) return v.safeParse(EndedStream, answer.json).success ? 'ended' : null
  return answer.code === 'STREAM_NOT_FOUND' ? 'gone' : null
}

/** A message without an answer, and the timer that ends its wait. */
type WaitingText = { readonly text: string; readonly timer: ReturnType<typeof setTimeout> }

function stopWaiting(waiting: Map<string, WaitingText>, nonce: string): void {
  clearTimeout(waiting.get(nonce)?.timer)
  waiting.delete(nonce)
}

/** Returns how long to wait before an attempt: clients of a gateway that stops do not come back all at once. */
function retryAfterMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures) * (0.5 + Math.random())
}

type PostedMessage = { readonly nonce: string; readonly text: string }

/** Posts a message, where there is no socket. One that the gateway does not answer is sent again when that is back. */
async function post(path: string, message: PostedMessage, handle: (event: ChatEvent) => void): Promise<void> {
  const { nonce } = message
  const answer = await callApi('POST', `${path}/messages`, message)
  if (answer.ok) return handle({ type: 'ack', nonce })
  const { code, retryAfterSec } = answer
  if (code !== null) handle({ type: 'error', nonce, code, retry_after: retryAfterSec ?? undefined })
}
