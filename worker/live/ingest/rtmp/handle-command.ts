import { readTextProperty, type AmfValue } from './amf0-value.ts'
import { toAmfObject } from './amf0-writer.ts'
import { composeConnectResult, composeControl, type RtmpCommand } from './commands.ts'
import { RtmpError } from './rtmp-error.ts'
import { MESSAGE_TYPE } from './rtmp-message.ts'
import { sendAnswer, sendControl, sendStatus, type RtmpSessionState } from './session-state.ts'

/** The application in the URL: `rtmp://HOST/live/KEY`. */
const APP = 'live'
const OUTPUT_CHUNK_BYTES = 4096
/** Window of the acknowledgements of both directions. */
export const WINDOW_BYTES = 2_500_000
/** The limit type `dynamic` (RTMP 1.0 §5.4.5). */
const DYNAMIC_LIMIT = 2
/** Most message streams that a client may create. */
const MAX_MESSAGE_STREAMS = 16

/**
 * Handles a command of a publishing client (RTMP 1.0 §7.2).
 * @throws RtmpError where it may not stand here; the connection must be closed then
 */
export function handleCommand(state: RtmpSessionState, command: RtmpCommand, streamId: number): void {
  if (command.name === 'connect') return connect(state, command)
  if (state.phase === 'connecting') throw new RtmpError('a command stands before "connect"')
  switch (command.name) {
    case 'createStream':
      return createStream(state, command)
    case 'publish':
      return publish(state, command, streamId)
    case 'releaseStream':
    case 'FCPublish':
      return sendAnswer(state, '_result', command, [null, null])
    case 'FCUnpublish':
    case 'deleteStream':
    case 'closeStream':
      return unpublish(state)
    case 'play':
      throw new RtmpError('nothing can be played here')
    case '_result':
    case '_error':
      return
    default:
      return sendAnswer(state, '_error', command, [null, composeError('NetConnection.Call.Failed', 'Not supported.')])
  }
}

function connect(state: RtmpSessionState, command: RtmpCommand): void {
  if (state.phase !== 'connecting') throw new RtmpError('"connect" stands twice')
  const app = readTextProperty(command.object, 'app') ?? ''
  if (removeQuery(app).replaceAll('/', '') !== APP) {
    const description = `The address of the server must end with /${APP}.`
    sendAnswer(state, '_error', command, [null, composeError('NetConnection.Connect.Rejected', description)])
    throw new RtmpError(`the application is not "${APP}"`)
  }
  state.phase = 'connected'
  sendControl(state, composeControl(MESSAGE_TYPE.windowAckSize, WINDOW_BYTES))
  sendControl(state, composeControl(MESSAGE_TYPE.setPeerBandwidth, WINDOW_BYTES, [DYNAMIC_LIMIT]))
  sendControl(state, composeControl(MESSAGE_TYPE.setChunkSize, OUTPUT_CHUNK_BYTES))
  state.outputChunkBytes = OUTPUT_CHUNK_BYTES
  sendAnswer(state, '_result', command, composeConnectResult())
}

function createStream(state: RtmpSessionState, command: RtmpCommand): void {
  state.messageStreams++
  if (state.messageStreams > MAX_MESSAGE_STREAMS) throw new RtmpError(`more than ${MAX_MESSAGE_STREAMS} streams`)
  sendAnswer(state, '_result', command, [null, state.messageStreams])
}

/** Asks for a decision. The name is the stream key, which stands in no message of an error. */
function publish(state: RtmpSessionState, { args }: RtmpCommand, streamId: number): void {
  if (state.phase !== 'connected') throw new RtmpError('"publish" stands twice')
  const [name] = args
  if (typeof name !== 'string') throw new RtmpError('a publication has no name')
  state.publishStreamId = streamId
  state.phase = 'deciding'
  state.events.push({ kind: 'publish', name: removeQuery(name) })
}

function unpublish(state: RtmpSessionState): void {
  if (state.phase !== 'publishing') return
  state.phase = 'closed'
  sendStatus(state, { level: 'status', code: 'NetStream.Unpublish.Success', description: 'The broadcast stopped.' })
  state.events.push({ kind: 'unpublish' })
}

function removeQuery(text: string): string {
  return text.split('?', 1)[0] ?? ''
}

function composeError(code: string, description: string): AmfValue {
  return toAmfObject({ level: 'error', code, description })
}
