/** What a page loads beside its stylesheet; all of it comes from the gateway. */
export type PageNeeds = {
  /** Scripts, and the calls that they make. */
  readonly scripts?: boolean
  /** Films. */
  readonly media?: boolean
  readonly forms?: boolean
  /** Where pictures and films lie beside the gateway, such as `https://cdn.example.com`. */
  readonly mediaOrigin?: string | null
  /** The nonce of styles that a component writes into the page. */
  readonly nonce?: string | undefined
}

/** Returns the Content-Security-Policy of a page: no inline script, no inline style, nothing from elsewhere. */
export function pagePolicy({ scripts = false, media = false, forms = false, mediaOrigin, nonce }: PageNeeds): string {
  const elsewhere = mediaOrigin ? ` ${mediaOrigin}` : ''
  return [
    "default-src 'none'",
    nonce === undefined ? "style-src 'self'" : `style-src 'self' 'nonce-${nonce}'`,
    `img-src 'self'${elsewhere}`,
    ...(scripts ? ["script-src 'self'", `connect-src 'self'${elsewhere}`] : []),
    ...(media ? [`media-src 'self' blob:${elsewhere}`] : []),
    forms ? "form-action 'self'" : "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/**
 * Returns the Content-Security-Policy of the page that takes a payment: with what Stripe's script needs
 * (https://docs.stripe.com/security/guide#content-security-policy), and no inline style either.
 */
export function paymentPolicy(): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' https://*.stripe.com",
    "script-src 'self' https://js.stripe.com https://*.js.stripe.com",
    "connect-src 'self' https://api.stripe.com",
    'frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
