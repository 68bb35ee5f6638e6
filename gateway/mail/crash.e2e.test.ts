import { expect, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { startMailServer } from '../testing/mail-server.ts'
import { startWholeSystem } from '../testing/whole-system.ts'

test('a gateway that is killed while it sends a mail leaves it to the next one, which sends it once', async () => {
  await using server = await startMailServer()
  server.behave('hang')
  await using system = await startWholeSystem({ MAIL_FROM: 'no-reply@live.example', SMTP_URL: server.url })
  const account = { username: 'first', email: 'first@example.org', password: 'correct horse battery' }
  expect((await system.api('POST', '/api/v1/auth/register', account)).status).toBe(201)
  await until(() => server.attempts() === 1, 'the server has got the mail and not answered')
  system.gateway().kill('SIGKILL')
  await system.gateway().exited
  server.behave('take')
  await system.startGateway()
  await until(() => server.mails.length > 0, 'the mail is there')
  const { text } = server.mails[0] ?? { text: '' }
  const token = /\?token=([0-9a-f]{64})$/m.exec(text)?.[1]
  expect((await system.api('POST', '/api/v1/auth/verify-email', { token })).status).toBe(204)
  expect([server.attempts(), server.mails.length]).toEqual([2, 1])
})
