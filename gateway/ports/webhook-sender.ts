/** Sends one HTTP POST to a receiver: bounded in time and in bytes read, without redirects, to guarded addresses only. */
export type WebhookSender = (request: WebhookRequest) => Promise<WebhookAnswer>

export type WebhookRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer>
  readonly timeoutMs: number
}

export type WebhookAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | null }
  | { readonly kind: 'failed'; readonly error: string }
