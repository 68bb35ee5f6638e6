/** An e-mail in plain text to one address. */
export type Mail = {
  /** Identifies it in each attempt, so that a receiver knows one that comes again (`Message-ID`, RFC 5322 §3.6.4). */
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
  /** An address that ends mails of this kind by a POST without a session (RFC 8058), and shows a page to people. */
  readonly unsubscribe?: string
}

export type MailAnswer =
  | { readonly kind: 'sent' }
  /** The server knows that the address takes no mail: another attempt is in vain. */
  | { readonly kind: 'refused'; readonly error: string }
  /** Anything else; `error` names no receiver. */
  | { readonly kind: 'failed'; readonly error: string }

/** Hands one mail to a server, once: bounded in time. Never rejects. */
export type MailSender = (mail: Mail) => Promise<MailAnswer>
