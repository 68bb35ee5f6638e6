import { expect, test } from 'vitest'

import { lastWords } from './last-words.ts'

const log = (level: string, message: string) =>
  JSON.stringify({ timestamp: '2026-01-01T00:00:00.000Z', level, component: 'encode', message, job_id: 'job-1' })

test.each<[string, readonly string[], string]>([
  ['what a worker logged along its way is no reason', [log('info', 'fetching'), log('warn', 'slow')], ''],
  [
    'of errors that were logged the message is one',
    [log('info', 'a'), log('error', 'the disk is broken')],
    'the disk is broken',
  ],
  ['a program’s own words are one', ['Killed', log('info', 'a')], 'Killed'],
  ['of a log line that was cut nothing is told', ['12:00Z","level":"error","message":"x"}', '{"timestamp":"2026'], ''],
  [
    'of a crash the error is told, without its trace',
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
    'so of one for lack of memory',
    [
      '<--- Last few GCs --->',
      'FATAL ERROR: heap out of memory',
      ' 1: 0xb090e0 node::Abort() [node]',
      '10: 0x7f7 [node]',
    ],
    '<--- Last few GCs --->; FATAL ERROR: heap out of memory',
  ],
  ['the last ones count', ['a', 'b', 'c', 'd'], 'b; c; d'],
  ['none is long', ['x'.repeat(2000)], 'x'.repeat(300)],
])('%s', (_, lines, words) => expect(lastWords(lines.join('\n'))).toBe(words))
