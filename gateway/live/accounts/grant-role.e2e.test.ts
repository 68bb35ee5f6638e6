import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { startWholeSystem } from '../../testing/whole-system.ts'

const run = promisify(execFile)
const PASSWORD = 'correct horse battery'

/** Runs the command of `npm run user --` with these arguments; returns its output, or its error output where it fails. */
async function runUserCommand(dataDir: string, ...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], DATA_DIR: dataDir }
  return run(process.execPath, ['--import', 'tsx', 'gateway/node.ts', 'user', ...args], { env }).then(
    ({ stdout }) => stdout,
    ({ stderr }: { readonly stderr: string }) => stderr,
  )
}

test('an operator grants a user a role, beside the running gateway', async () => {
  await using system = await startWholeSystem()
  const register = (username: string) =>
    system.api('POST', '/api/v1/auth/register', { username, email: `${username}@example.org`, password: PASSWORD })
  await register('first')
  await register('Second')
  const { json } = await system.api('POST', '/api/v1/auth/login', { login: 'second', password: PASSWORD })
  const invite = async () =>
    (await system.api('POST', '/api/v1/invitations', undefined, { authorization: `Bearer ${json.token}` })).status
  expect(await invite()).toBe(403)
  expect(await runUserCommand(system.dataDir, 'grant', 'second', 'admin')).toBe('Second is now admin\n')
  expect(await invite()).toBe(201)
  expect(await runUserCommand(system.dataDir, 'grant', 'second', 'king')).toContain(
    'ROLE is one of user, moderator, admin',
  )
  expect(await runUserCommand(system.dataDir, 'grant', 'missing', 'admin')).toContain('there is no user "missing"')
  expect(await runUserCommand('/tmp/tallylight-no-data', 'grant', 'first', 'user')).toContain('set DATABASE_URL')
})
