import { scryptSync } from 'node:crypto'

import { expect, test } from 'vitest'

import { createPasswordHasher } from './password-hasher.ts'

const { hash, verify } = createPasswordHasher()

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
