import { expect, test } from 'vitest'

import { welcomeLines } from './welcome.ts'

const url = 'http://127.0.0.1:8080'

test('the welcome has three lines: the key, a command to paste, the documentation', () => {
  const [key, command, docs, ...more] = welcomeLines({ url, key: { kind: 'shown', key: 'k-1' }, isTerminal: false })
  expect(more).toEqual([])
  expect(key).toBe('Key   k-1')
  expect(command).toMatch(/^Try {3}curl http:\/\/127\.0\.0\.1:8080\/api\/v1\/monitors -H "X-API-Key: k-1" /)
  expect(docs).toBe(`Docs  ${url}/docs and ${url}/docs/guides`)
})

test('the welcome shows no key that is stored or set, and a command that takes it from the environment', () => {
  const stored = welcomeLines({ url, key: { kind: 'stored', path: '.data/keys.json' }, isTerminal: false })
  expect(stored[0]).toBe('Key   API_KEY in .data/keys.json')
  expect(stored[1]).toContain('"X-API-Key: $API_KEY"')
  expect(welcomeLines({ url, key: { kind: 'set' }, isTerminal: false })[0]).toBe('Key   the API_KEY that you have set')
})

test('the welcome is coloured on a terminal only', () => {
  const lines = welcomeLines({ url, key: { kind: 'set' }, isTerminal: true })
  expect(lines.every((line) => line.startsWith('\u001b[1;32m'))).toBe(true)
})
