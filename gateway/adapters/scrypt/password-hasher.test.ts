import { scryptSync } from 'node:crypto'

import { expect, test } from 'vitest'

import { PasswordHasherBusy } from '../../ports/password-hasher.ts'
import { createPasswordHasher } from './password-hasher.ts'

const hasher = createPasswordHasher()
const never = () => new AbortController().signal
const hash = (password: string) => hasher.hash(password, never())
const verify = (password: string, stored: string) => hasher.verify(password, stored, never())

test('a hash is a PHC string with its parameters and a salt of its own', async () => {
  const [first, second] = await Promise.all([hash('correct horse'), hash('correct horse')])
  const [, , parameters, salt = '', key = ''] = first.split('$')
  expect(parameters).toBe('ln=14,r=8,p=5')
  const expected = scryptSync('correct horse', Buffer.from(salt, 'base64'), 32, {
    N: 16_384,
    r: 8,
    p: 5,
    maxmem: 2 ** 26,
  })
  expect(Buffer.from(key, 'base64').equals(expected)).toBe(true)
  expect(second).not.toBe(first)
})

test('a password is verified, and no other one', async () => {
  const stored = await hash('pässword-ﬁne')
  expect(await verify('pässword-ﬁne', stored)).toBe(true)
  expect(await verify('pa\u0308ssword-ﬁne', stored)).toBe(true)
  expect(await verify('pässword-fine', stored)).toBe(false)
})

test.each(['', 'x', '$argon2id$v=19$m=65536,t=2,p=1$abc$def', '$scrypt$ln=14,r=8,p=5$short$short'])(
  'what is no hash of this function verifies no password: %s',
  async (stored) => {
    expect(await verify('correct horse', stored)).toBe(false)
  },
)

test('passwords that would wait for too long are refused at once; one that leaves makes room', async () => {
  // Before one is measured, a hash is taken to last 200 ms: three may wait, behind the two that are hashed.
  const cheap = createPasswordHasher({ ln: 10, r: 8, p: 1 }, 300)
  const leaving = new AbortController()
  const first = cheap.hash('leaves late', never())
  const second = cheap.hash('leaves late', never())
  const left = cheap.hash('leaves early', leaving.signal)
  const others = Array.from({ length: 2 }, () => cheap.hash('stays', never()))
  await expect(cheap.hash('is too many', never())).rejects.toThrow(PasswordHasherBusy)
  const stored = `$scrypt$ln=10,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
  await expect(cheap.verify('is too many', stored, never())).rejects.toThrow(PasswordHasherBusy)
  leaving.abort()
  await expect(left).rejects.toThrow(PasswordHasherBusy)
  const late = cheap.hash('finds room', never())
  expect(await Promise.all([first, second, late, ...others])).toHaveLength(5)
})

test('a burst of a hundred passwords is hashed, where hashes are known to be quick', async () => {
  const cheap = createPasswordHasher({ ln: 6, r: 8, p: 1 })
  for (let i = 0; i < 20; i++) await cheap.hash('measured', never())
  expect(await Promise.all(Array.from({ length: 100 }, () => cheap.hash('burst', never())))).toHaveLength(100)
})

test('a request that is over is not hashed', async () => {
  const cheap = createPasswordHasher({ ln: 10, r: 8, p: 1 })
  const busy = [cheap.hash('one', never()), cheap.hash('two', never())]
  await expect(cheap.hash('late', AbortSignal.abort())).rejects.toThrow(PasswordHasherBusy)
  await Promise.all(busy)
})
