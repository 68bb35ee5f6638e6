import { afterAll, beforeAll, vi } from 'vitest'

import { makeCertificate } from '../../shared/testing/certificate.ts'
import { trustCertificate } from '../../shared/testing/trust.ts'
import { listPartialUploads } from '../testing/partial-uploads.ts'
import { startVsftpd } from '../testing/vsftpd.ts'
import { openFtpStore } from './ftp.ts'
import { describeStore, SECRET } from './store.conformance.ts'

const certificate = makeCertificate()

beforeAll(() => trustCertificate(certificate))
afterAll(() => void vi.restoreAllMocks())

describeStore('FTP on a real vsftpd', () => onVsftpd('none'))
describeStore('FTPS on a real vsftpd', () => onVsftpd('explicit'))

async function onVsftpd(tls: 'none' | 'explicit') {
  const server = await startVsftpd(tls === 'none' ? null : certificate)
  const { port, user, password, dir } = server
  const settings = { host: '127.0.0.1', port, user, password, tls, folder: 'www/media', publicUrl: null }
  const store = openFtpStore(settings)
  return {
    store,
    // vsftpd breaks a TLS 1.3 data connection without data.
    ...(tls === 'none' ? {} : { limitation: 'cannot store empty files' as const }),
    unauthorized: openFtpStore({ ...settings, password: SECRET }),
    isArriving: async () => (await listPartialUploads(dir)).some(({ bytes }) => bytes > 0),
    partialUploads: async () => (await listPartialUploads(dir)).map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
