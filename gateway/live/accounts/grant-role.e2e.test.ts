import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { expect, inject, test } from 'vitest'

import { SOURCE_PROGRAM } from '../../testing/gateway-process.ts'
import { startWholeSystem } from '../../testing/whole-system.ts'

const run = promisify(execFile)
const PASSWORD = 'correct horse battery'

/** A program, and the data folder of its gateway. */
type Operator = { readonly program: readonly string[]; readonly dataDir: string }

/** Runs the command of `npm run user --` with these arguments; returns its output, or its error output where it fails. */
async function runUserCommand({ program, dataDir }: Operator, ...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], DATA_DIR: dataDir }
  return run(process.execPath, [...program, 'user', ...args], { env }).then(
    ({ stdout }) => stdout,
    ({ stderr }: { readonly stderr: string }) => stderr,
  )
}

test('an operator grants a user a role from the sources, beside the gateway that runs from them', async () => {
  await using system = await startWholeSystem({}, { isFromSource: true, isEmbedded: true })
  const { dataDir } = system
  const register = (username: string) =>
    system.api('POST', '/api/v1/auth/register', { username, email: `${username}@example.org`, password: PASSWORD })
  await register('first')
  await register('Second')
  const { json } = await system.api('POST', '/api/v1/auth/login', { login: 'second', password: PASSWORD })
  const invite = async () =>
    (await system.api('POST', '/api/v1/invitations', undefined, { authorization: `Bearer ${json.token}` })).status
  expect(await invite()).toBe(403)
  expect(await runUserCommand({ program: SOURCE_PROGRAM, dataDir }, 'grant', 'second', 'admin')).toBe(
    'Second is now admin\n',
  )
  expect(await invite()).toBe(201)
  const program = [inject('gatewayEntry')]
  expect(await runUserCommand({ program, dataDir }, 'grant', 'second', 'king')).toContain(
    'ROLE is one of user, moderator, admin',
  )
  expect(await runUserCommand({ program, dataDir }, 'grant', 'missing', 'admin')).toContain(
    'there is no user "missing"',
  )
  expect(await runUserCommand({ program, dataDir: '/tmp/tallylight-no-data' }, 'grant', 'first', 'user')).toContain(
    'set DATABASE_URL',
  )
})
