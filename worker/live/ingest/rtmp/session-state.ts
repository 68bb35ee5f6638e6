import type { AmfValue } from './amf0-value.ts'
import { encodeChunks } from './chunk-writer.ts'
import { composeAnswer, composeStatus, type RtmpCommand } from './commands.ts'
import type { RtmpMessage } from './rtmp-message.ts'

/** What a publishing client does. `publish` waits for `acceptPublish` or `refuse`; until then nothing more is read. */
export type RtmpEvent =
  | { readonly kind: 'publish'; readonly name: string }
  | { readonly kind: 'media'; readonly message: RtmpMessage }
  | { readonly kind: 'data'; readonly values: readonly AmfValue[] }
  | { readonly kind: 'unpublish' }

/** `deciding`: the client waits for the decision whether it may publish. */
type SessionPhase = 'handshake' | 'connecting' | 'connected' | 'deciding' | 'publishing' | 'closed'

/** The state of one connection. */
export type RtmpSessionState = {
  readonly write: (bytes: Buffer) => void
  readonly events: RtmpEvent[]
  phase: SessionPhase
  outputChunkBytes: number
  receivedBytes: number
  acknowledgedBytes: number
  /** Bytes after which an acknowledgement is due. */
  windowBytes: number
  messageStreams: number
  /** The message stream on which the client publishes. */
  publishStreamId: number
}

const COMMAND_CHUNK_STREAM = 3
/** The chunk stream of protocol control messages (RTMP 1.0 §5.4). */
const CONTROL_CHUNK_STREAM = 2

/** Sends a protocol control message or a user control message. */
export function sendControl(state: RtmpSessionState, message: RtmpMessage): void {
  state.write(encodeChunks(message, CONTROL_CHUNK_STREAM, state.outputChunkBytes))
}

/** Sends the answer to a command that expects one. */
export function sendAnswer(
  state: RtmpSessionState,
  name: '_result' | '_error',
  command: RtmpCommand,
  values: readonly AmfValue[],
): void {
  if (command.transactionId === 0) return
  const message = composeAnswer(name, command.transactionId, values)
  state.write(encodeChunks(message, COMMAND_CHUNK_STREAM, state.outputChunkBytes))
}

/** Sends `onStatus` on the message stream on which the client publishes. */
export function sendStatus(state: RtmpSessionState, status: Parameters<typeof composeStatus>[1]): void {
  const message = composeStatus(state.publishStreamId, status)
  state.write(encodeChunks(message, COMMAND_CHUNK_STREAM, state.outputChunkBytes))
}
