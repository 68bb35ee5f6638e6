import { describe, expect, test } from 'vitest'

import { classifyStreamlink } from './classify-output.ts'
import { classifyMessage } from './site-messages.ts'

/** CPU time of this process, in ms; the least of several runs. */
function measureCpuMs(run: () => void): number {
  const runs = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return Math.min(...runs)
}

describe('a message is classified in proportion to its length', () => {
  test.each([
    ['spaces', ' '],
    ['words', 'violat'],
    ['addresses', 'http://'],
    ['lines of spaces', `\n${' '.repeat(1000)}`],
  ])('of %s', (_, part) => {
    const fill = (length: number) => `ERROR: a${part.repeat(length / part.length)}b`
    const smallMs = measureCpuMs(() => classifyMessage(fill(8000)))
    // Four times the text takes sixteen times as long where the time is quadratic.
    expect(measureCpuMs(() => classifyMessage(fill(32_000)))).toBeLessThan(Math.max(150, 9 * smallMs))
  })

  test('whichever program wrote it', () => {
    const make = (length: number) => ({ stdout: JSON.stringify({ error: `x${' '.repeat(length)}y` }), stderr: '' })
    const smallMs = measureCpuMs(() => classifyStreamlink(make(8000)))
    expect(measureCpuMs(() => classifyStreamlink(make(32_000)))).toBeLessThan(Math.max(150, 9 * smallMs))
  })
})

test('the end of a long output decides, after any address', () => {
  const warnings = 'WARNING: [generic] retrying\n'.repeat(5000)
  const address = `https://site.example/${'a'.repeat(2000)}`
  expect(classifyMessage(`${warnings}ERROR: [generic] ${address}: This video is private\n`)).toMatchObject({
    kind: 'gone',
    reason: 'private',
  })
})
