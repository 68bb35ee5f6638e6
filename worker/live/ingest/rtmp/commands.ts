import { readAmf0 } from './amf0-reader.ts'
import type { AmfValue } from './amf0-value.ts'
import { encodeAmf0, toAmfObject } from './amf0-writer.ts'
import { encodeUint32 } from './chunk-writer.ts'
import { RtmpError } from './rtmp-error.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './rtmp-message.ts'

/** A command (RTMP 1.0 §7.2). */
export type RtmpCommand = {
  readonly name: string
  /** 0 where no answer is expected. */
  readonly transactionId: number
  /** The command object and the arguments after it. */
  readonly object: AmfValue
  readonly args: readonly AmfValue[]
}

/** Codecs beyond those of FLV 10.1, as Enhanced RTMP v2 names them. Others are refused. */
const FOUR_CCS = ['avc1', 'hvc1', 'av01', 'mp4a', 'Opus']
const VIDEO_FOUR_CCS = ['avc1', 'hvc1', 'av01']
const AUDIO_FOUR_CCS = ['mp4a', 'Opus']
/** What this server does with a codec (Enhanced RTMP v2, FourCcInfoMask): it forwards it. */
const CAN_FORWARD = 4
/** Events of user control messages (RTMP 1.0 §7.1.7). */
export const USER_EVENT = { streamBegin: 0, pingRequest: 6, pingResponse: 7 } as const

/**
 * Reads a command.
 * @throws RtmpError where it has no name
 */
export function readCommand({ type, body }: RtmpMessage): RtmpCommand {
  const values = readAmf0(skipAmf3Marker(type, body))
  const [name, transactionId, object = null, ...args] = values
  if (typeof name !== 'string') throw new RtmpError('a command has no name')
  return { name, transactionId: typeof transactionId === 'number' ? transactionId : 0, object, args }
}

/** Returns the values of a data message; none where they cannot be read, as with AMF3: only `onMetaData` is of use. */
export function readDataMessage({ type, body }: RtmpMessage): readonly AmfValue[] {
  try {
    return readAmf0(skipAmf3Marker(type, body))
  } catch (error) {
    if (error instanceof RtmpError) return []
    throw error
  }
}

/** Removes the byte 0 that stands before the AMF0 values of messages of AMF3's types. */
function skipAmf3Marker(type: number, body: Buffer): Buffer {
  const isAmf3 = type === MESSAGE_TYPE.commandAmf3 || type === MESSAGE_TYPE.dataAmf3
  return isAmf3 && body[0] === 0 ? body.subarray(1) : body
}

/** Returns the answer to a command: `_result` or `_error` (RTMP 1.0 §7.2.1.2). */
export function composeAnswer(
  name: '_result' | '_error',
  transactionId: number,
  values: readonly AmfValue[],
): RtmpMessage {
  return toCommandMessage(0, encodeAmf0(name, transactionId, ...values))
}

/** Returns `onStatus` of a message stream (RTMP 1.0 §7.2.2). */
export function composeStatus(
  streamId: number,
  status: { readonly level: 'status' | 'error'; readonly code: string; readonly description: string },
): RtmpMessage {
  return toCommandMessage(streamId, encodeAmf0('onStatus', 0, null, toAmfObject(status)))
}

/** Returns the values of the answer to `connect`, with the codecs of Enhanced RTMP v2 that may be published. */
export function composeConnectResult(): readonly [AmfValue, AmfValue] {
  const forwarded = (fourCcs: readonly string[]) =>
    toAmfObject(Object.fromEntries(fourCcs.map((fourCc) => [fourCc, CAN_FORWARD])))
  return [
    toAmfObject({ fmsVer: 'FMS/3,5,7,7009', capabilities: 31 }),
    toAmfObject({
      level: 'status',
      code: 'NetConnection.Connect.Success',
      description: 'Connected.',
      objectEncoding: 0,
      fourCcList: FOUR_CCS,
      videoFourCcInfoMap: forwarded(VIDEO_FOUR_CCS),
      audioFourCcInfoMap: forwarded(AUDIO_FOUR_CCS),
      // Neither reconnect requests nor several tracks.
      capsEx: 0,
    }),
  ]
}

/** Returns a protocol control message with one number (RTMP 1.0 §5.4), and `extra` bytes after it. */
export function composeControl(type: number, value: number, extra: readonly number[] = []): RtmpMessage {
  return { type, streamId: 0, timestamp: 0, body: Buffer.concat([encodeUint32(value), Buffer.from(extra)]) }
}

/** Returns a user control message (RTMP 1.0 §7.1.7). */
export function composeUserControl(event: number, value: number): RtmpMessage {
  const body = Buffer.concat([Buffer.from([0, event]), encodeUint32(value)])
  return { type: MESSAGE_TYPE.userControl, streamId: 0, timestamp: 0, body }
}

function toCommandMessage(streamId: number, body: Buffer): RtmpMessage {
  return { type: MESSAGE_TYPE.command, streamId, timestamp: 0, body }
}
