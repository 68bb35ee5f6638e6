/** How a runtime keeps server-sent event streams open. */
export type EventStreamHost = {
  /** Interval of pings, in ms: they keep proxies from closing the connection and find clients that have left. */
  readonly pingMs: number
  /** Longest life of a stream, in ms; its client reconnects, maybe to another gateway. */
  readonly longestMs: number
  /** Registers a function that ends a stream when the gateway closes; returns a function that removes it. */
  readonly untilClosing: (end: () => void) => () => void
  /** Keeps the resources of the request until the promise settles. */
  readonly hold: (until: Promise<void>) => void
}
