import { expect, test } from 'vitest'

import { startTestGateway } from '../../testing/test-gateway.ts'

const PASSWORD = 'correct horse battery'

/** Starts a gateway with one account, its admin, and returns calls to it. */
async function startPlatform(registration: string) {
  const gateway = await startTestGateway({ env: { REGISTRATION: registration } })
  const register = (username: string, more: object = {}) =>
    gateway.api('POST', '/api/v1/auth/register', {
      username,
      email: `${username}@example.org`,
      password: PASSWORD,
      ...more,
    })
  const tokenOf = async (login: string) =>
    (await gateway.api('POST', '/api/v1/auth/login', { login, password: PASSWORD })).json.token
  const invite = async (login: string) =>
    gateway.api('POST', '/api/v1/invitations', undefined, { authorization: `Bearer ${await tokenOf(login)}` })
  expect((await register('first')).json.role).toBe('admin')
  return { gateway, register, invite }
}

test('with REGISTRATION=closed only the first account can be created', async () => {
  const { gateway, register } = await startPlatform('closed')
  await using _ = gateway
  const refused = await register('second')
  expect([refused.status, refused.json.error.code]).toEqual([403, 'REGISTRATION_CLOSED'])
})

test('with REGISTRATION=invitation an account takes an invitation by an admin, which is used once', async () => {
  const { gateway, register, invite } = await startPlatform('invitation')
  await using _ = gateway
  expect((await register('second')).json.error.code).toBe('INVITATION_INVALID')
  expect((await register('second', { invitation: 'guess' })).json.error.code).toBe('INVITATION_INVALID')
  const { status, json } = await invite('first')
  expect([status, Date.parse(json.expires_at) > Date.now()]).toEqual([201, true])
  // A registration that fails leaves the invitation as it was.
  expect((await register('FIRST', json)).status).toBe(400)
  const { invitation } = json
  expect((await register('FIRST', { invitation, email: 'x@example.org' })).json.error.code).toBe('USERNAME_TAKEN')
  expect((await register('second', { invitation })).status).toBe(201)
  expect((await register('third', { invitation })).json.error.code).toBe('INVITATION_INVALID')
  expect((await invite('second')).status).toBe(403)
})
