import { expect, test } from 'vitest'

import { crashReason, describeLoss } from './crash-reason.ts'

const log = (level: string, message: string) =>
  JSON.stringify({ timestamp: '2026-01-01T00:00:00.000Z', level, component: 'encode', message, job_id: 'job-1' })

test.each<[string, readonly string[], string]>([
  ['log lines below error level are no reason', [log('info', 'fetching'), log('warn', 'slow')], ''],
  [
    'the message of a logged error is the reason',
    [log('info', 'a'), log('error', 'the disk is broken')],
    'the disk is broken',
  ],
  ['lines that are no log lines are the reason', ['Killed', log('info', 'a')], 'Killed'],
  ['a log line that was cut off is left out', ['12:00Z","level":"error","message":"x"}', '{"timestamp":"2026'], ''],
  [
    'a crash is reported by its error, without the stack trace',
    [
      'file:///app/worker.js:1',
      '    throw new Error()',
      '    ^',
      '',
      'TypeError: x is not a function',
      '    at f (a.js:1:2)',
      '',
      'Node.js v20.19.0',
    ],
    'file:///app/worker.js:1; TypeError: x is not a function',
  ],
  [
    'a crash for lack of memory is reported without its addresses',
    [
      '<--- Last few GCs --->',
      'FATAL ERROR: heap out of memory',
      ' 1: 0xb090e0 node::Abort() [node]',
      '10: 0x7f7 [node]',
    ],
    '<--- Last few GCs --->; FATAL ERROR: heap out of memory',
  ],
  ['only the last three lines are reported', ['a', 'b', 'c', 'd'], 'b; c; d'],
  ['the reason is cut to 300 characters', ['x'.repeat(2000)], 'x'.repeat(300)],
])('%s', (_, lines, words) => expect(crashReason(lines.join('\n'))).toBe(words))

test('a loss is described by the word of the launcher, and the last words of the worker where there are some', () => {
  const lost = (message: string) => describeLoss({ terminationReason: 'OOMKilled', message })
  expect([lost('Killed'), lost(log('info', 'a'))]).toEqual(['OOMKilled: Killed', 'OOMKilled'])
})
