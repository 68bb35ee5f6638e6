import { expect, test } from 'vitest'

import { createTestSettings } from '../testing/test-gateway.ts'
import { welcomeLines } from './welcome.ts'

const url = 'http://127.0.0.1:8080'

test('the welcome has the key, a command to paste, the documentation, and the lines of systems', () => {
  const shown = { kind: 'shown', key: 'k-1' } as const
  const ofSystems = [{ label: 'Own', text: 'what to do' }]
  const [key, command, docs, ...more] = welcomeLines({ url, key: shown, isTerminal: false, ofSystems })
  expect(more).toEqual(['Own   what to do'])
  expect(key).toBe('Key   k-1')
  expect(command).toMatch(/^Try {3}curl http:\/\/127\.0\.0\.1:8080\/api\/v1\/monitors -H "X-API-Key: k-1" /)
  expect(docs).toBe(`Docs  ${url}/docs and ${url}/docs/guides`)
})

test('the welcome shows no key that is stored or set, and a command that takes it from the environment', () => {
  const stored = welcomeLines({
    url,
    key: { kind: 'stored', path: '.data/keys.json' },
    isTerminal: false,
    ofSystems: [],
  })
  expect(stored[0]).toBe('Key   API_KEY in .data/keys.json')
  expect(stored[1]).toContain('"X-API-Key: $API_KEY"')
  expect(welcomeLines({ url, key: { kind: 'set' }, isTerminal: false, ofSystems: [] })[0]).toBe(
    'Key   the API_KEY that you have set',
  )
})

test('the welcome is coloured on a terminal only', () => {
  const lines = welcomeLines({ url, key: { kind: 'set' }, isTerminal: true, ofSystems: [] })
  expect(lines.every((line) => line.startsWith('\u001b[1;32m'))).toBe(true)
})

test('the welcome says how to go live, unless the installation takes no broadcasts', async () => {
  const welcomeOf = async (env: Record<string, string>) =>
    (await createTestSettings({ PUBLIC_URL: 'https://live.example.com', ...env })).systems.flatMap(
      ({ welcome }) => welcome ?? [],
    )
  const at = (address: string) => ({
    label: 'Live',
    text: `register at https://live.example.com/register, create a broadcast in the studio (https://live.example.com/studio), and publish to ${address}`,
  })
  expect(await welcomeOf({ INGEST_WORKERS: '1' })).toEqual([at('rtmp://live.example.com:1935/live')])
  expect(await welcomeOf({ INGEST_WORKERS: '1', RTMP_PORT: '1940' })).toEqual([at('rtmp://live.example.com:1940/live')])
  expect(await welcomeOf({ INGEST_WORKERS: '1', RTMP_URL: 'rtmps://in.example.com/live' })).toEqual([
    at('rtmps://in.example.com/live'),
  ])
  expect(await welcomeOf({ INGEST_WORKERS: '0' })).toEqual([])
})
