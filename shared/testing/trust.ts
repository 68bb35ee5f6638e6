import tls from 'node:tls'

import { vi } from 'vitest'

/** Makes this process trust a certificate, like NODE_EXTRA_CA_CERTS, until the test restores its mocks. */
export function trustCertificate(certificate: { readonly cert: string }): void {
  const create = tls.createSecureContext
  vi.spyOn(tls, 'createSecureContext').mockImplementation((options) => create({ ...options, ca: certificate.cert }))
}
