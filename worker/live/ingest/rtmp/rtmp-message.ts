/** Types of messages (RTMP 1.0 §5.4, §6.2, §7.1). Audio, video and script data have the numbers of FLV's tags. */
export const MESSAGE_TYPE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
  aggregate: 22,
} as const

/** A message (RTMP 1.0 §6.1). `timestamp` is in ms, unsigned, of 32 bits. */
export type RtmpMessage = {
  readonly type: number
  /** The message stream; 0 is the connection itself. */
  readonly streamId: number
  readonly timestamp: number
  readonly body: Buffer
}
