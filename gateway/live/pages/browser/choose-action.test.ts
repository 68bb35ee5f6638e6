import { expect, test } from 'vitest'

import { chooseAction } from './choose-action.ts'

const fresh = { isPlayable: false, isMounted: false, hasPlayed: false }

test('before a broadcast the screen waits, and once it is on the air it plays as soon as there is something', () => {
  expect(chooseAction({ ...fresh, state: 'ready' })).toBe('wait')
  expect(chooseAction({ ...fresh, state: 'live' })).toBe('expect')
  expect(chooseAction({ ...fresh, state: 'live', isPlayable: true })).toBe('play-live')
})

test('a player goes on while the encoder reconnects and when it is back', () => {
  const mounted = { isPlayable: true, isMounted: true, hasPlayed: true }
  expect(chooseAction({ ...mounted, state: 'reconnecting' })).toBe('keep')
  expect(chooseAction({ ...mounted, state: 'live' })).toBe('keep')
})

test('the last pictures play at the end, and then it is offered again', () => {
  expect(chooseAction({ state: 'ended', isPlayable: true, isMounted: true, hasPlayed: true })).toBe('finish')
  expect(chooseAction({ state: 'ended', isPlayable: true, isMounted: false, hasPlayed: true })).toBe('offer')
})

test('a broadcast that had ended before plays as a recording, if there is one', () => {
  expect(chooseAction({ ...fresh, state: 'ended', isPlayable: true })).toBe('play-recording')
  expect(chooseAction({ ...fresh, state: 'ended' })).toBe('offer')
})
