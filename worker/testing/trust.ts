import tls from 'node:tls'

import { vi } from 'vitest'

/** Makes this process trust one certificate, as NODE_EXTRA_CA_CERTS does at a start; the spy's end ends it. */
export function trust(certificate: { readonly cert: string }): void {
  const create = tls.createSecureContext
  vi.spyOn(tls, 'createSecureContext').mockImplementation((options) => create({ ...options, ca: certificate.cert }))
}
