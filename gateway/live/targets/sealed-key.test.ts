import { expect, test } from 'vitest'

import { openKey, sealKey } from './sealed-key.ts'

const INTERNAL = 'internal-key-of-a-gateway-0123456789'
const KEY = 'abcd-1234-ключ?x=1'

test('a sealed key is read by the same gateway for the same target only', async () => {
  const sealed = await sealKey(INTERNAL, 'target-1', KEY)
  expect(await openKey(INTERNAL, 'target-1', sealed)).toBe(KEY)
  expect(await openKey(INTERNAL, 'target-2', sealed)).toBeNull()
  expect(await openKey(`${INTERNAL}x`, 'target-1', sealed)).toBeNull()
})

test('equal keys look different, and an altered or cut text is not read', async () => {
  const sealed = await sealKey(INTERNAL, 'target-1', KEY)
  expect(await sealKey(INTERNAL, 'target-1', KEY)).not.toBe(sealed)
  const altered = sealed.slice(0, -1) + (sealed.endsWith('0') ? '1' : '0')
  for (const wrong of [altered, sealed.slice(0, 30), '', 'no hex'])
    expect(await openKey(INTERNAL, 'target-1', wrong)).toBeNull()
})
