import { expect, it } from 'vitest'

import { createSentMessages } from './sent-messages.ts'

it('a message without an answer is sent again with its nonce, so that a chat has it once', () => {
  const messages = createSentMessages()
  const nonce = messages.add('Hello')
  expect(messages.answer(nonce, false)).toBe('Hello')
  expect(messages.add('Hello')).toBe(nonce)
  // Its answer comes late.
  expect([messages.answer(nonce, true), messages.answer(nonce, true)]).toEqual(['Hello', null])
})

it('a late answer is that of the text which is back in the field', () => {
  const messages = createSentMessages()
  const nonce = messages.add('Hello')
  messages.answer(nonce, false)
  expect(messages.answer(nonce, true)).toBe('Hello')
  expect(messages.add('Hello')).not.toBe(nonce)
})

it('a changed text, and the same text after it was written or while it is on its way, are other messages', () => {
  const messages = createSentMessages()
  const first = messages.add('Hello')
  const second = messages.add('Hello')
  messages.answer(first, true)
  messages.answer(second, false)
  const changed = messages.add('Hello!')
  messages.answer(changed, true)
  const third = messages.add('Hello')
  expect(new Set([first, second, changed, third]).size).toBe(4)
})
