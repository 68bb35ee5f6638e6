import { TAG_HEADER_BYTES, TAG_TRAILER_BYTES } from '../../flv/flv-tag.ts'
import { RtmpError } from './rtmp-error.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './rtmp-message.ts'

/**
 * Returns the messages of an aggregate (RTMP 1.0 §7.1.6), which stand in it as FLV tags. The aggregate's timestamp is that
 * of the first one.
 * @throws RtmpError where a length exceeds the aggregate, or an aggregate holds another one
 */
export function splitAggregate({ body, timestamp, streamId }: RtmpMessage): readonly RtmpMessage[] {
  const messages: RtmpMessage[] = []
  let firstTimestamp: number | null = null
  for (let offset = 0; offset + TAG_HEADER_BYTES <= body.length;) {
    const type = body[offset] ?? 0
    if (type === MESSAGE_TYPE.aggregate) throw new RtmpError('an aggregate message holds another one')
    const start = offset + TAG_HEADER_BYTES
    const end = start + body.readUIntBE(offset + 1, 3)
    if (end > body.length) throw new RtmpError('an aggregate message ends inside one of its messages')
    const own = body.readUIntBE(offset + 4, 3) + (body[offset + 7] ?? 0) * 0x1000000
    firstTimestamp ??= own
    messages.push({
      type,
      streamId,
      timestamp: (timestamp + own - firstTimestamp + 2 ** 32) % 2 ** 32,
      body: body.subarray(start, end),
    })
    offset = end + TAG_TRAILER_BYTES
  }
  return messages
}
