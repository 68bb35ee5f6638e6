/** A peer broke the protocol. The message says how; it contains nothing that the peer sent. */
export class RtmpError extends Error {}
