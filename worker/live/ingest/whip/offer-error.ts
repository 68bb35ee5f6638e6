/** An offer cannot be answered. The message says why, for the person who publishes. `codec`: none of its codecs is known. */
export class OfferError extends Error {
  readonly kind: 'broken' | 'codec'
  constructor(kind: 'broken' | 'codec', message: string) {
    super(message)
    this.kind = kind
  }
}
