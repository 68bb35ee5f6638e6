import { connect } from 'node:net'

import { until } from '../../../shared/testing/until.ts'

/** Resolves with the address that encoders publish to, once an ingest listens there; `readUrl` reads it from the API. */
export async function waitForIngest(readUrl: () => Promise<string>): Promise<string> {
  let url = ''
  await until(async () => isListening((url = await readUrl())), 'an ingest worker listens')
  return url
}

/** Returns whether something accepts connections at the host and port of an `rtmp:` URL. */
function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port || 1935), hostname)
    const answer = (isOpen: boolean) => () => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', answer(true)).once('error', answer(false))
  })
}
