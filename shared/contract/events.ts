/** The body of a webhook, whatever system sends it. Each system adds the ids and URLs of what the event is about. */
export type WebhookPayload = {
  /** The same for every attempt to deliver the event. */
  readonly event_id: string
  readonly event_type: string
  /** When the event happened; RFC 3339. */
  readonly timestamp: string
  /** Fields of the event type. */
  readonly data: Readonly<Record<string, unknown>>
  /** The client's own metadata, unchanged. */
  readonly metadata: Readonly<Record<string, unknown>>
}
