import { afterAll, beforeAll, vi } from 'vitest'

import { makeCertificate } from '../../testing/certificate.ts'
import { storedParts } from '../../testing/stored-parts.ts'
import { trust } from '../../testing/trust.ts'
import { startVsftpd } from '../../testing/vsftpd.ts'
import { openFtpStore } from './ftp.ts'
import { describeStore, SECRET } from './store.conformance.ts'

const certificate = makeCertificate()

beforeAll(() => trust(certificate))
afterAll(() => void vi.restoreAllMocks())

describeStore('FTP, by a real vsftpd', () => onVsftpd('none'))
describeStore('FTPS, by a real vsftpd', () => onVsftpd('explicit'))

async function onVsftpd(tls: 'none' | 'explicit') {
  const server = await startVsftpd(tls === 'none' ? null : certificate)
  const { port, user, password, dir } = server
  const settings = { host: '127.0.0.1', port, user, password, tls, folder: 'www/media', publicUrl: null }
  const store = openFtpStore(settings)
  return {
    store,
    // It breaks off a TLS 1.3 connection over which no byte comes.
    ...(tls === 'none' ? {} : { cannot: 'hold empty files' as const }),
    refused: openFtpStore({ ...settings, password: SECRET }),
    isArriving: async () => (await storedParts(dir)).some(({ bytes }) => bytes > 0),
    leftovers: async () => (await storedParts(dir)).map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
