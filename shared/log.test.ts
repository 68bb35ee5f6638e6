import { describe, expect, it } from 'vitest'

import { newMonitorId } from './ids.ts'
import { createLog, idField } from './log.ts'

/** What a log of this level writes, line by line, parsed. */
function logged(level: 'info' | 'debug', use: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = []
  use(createLog('gateway', level, (line) => lines.push(line)))
  return lines.map((line) => JSON.parse(line))
}

describe('a line of the log', () => {
  it('is JSON on one line: when, how bad, who, what, and then what it is about', () => {
    const lines: string[] = []
    createLog('worker', 'info', (line) => lines.push(line))
      .with({ monitor_id: 'mon-1' })
      .warn('segment failed', { error: new Error('two\nlines', { cause: new Error('the cause') }) })
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain('\n')
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: 'warn',
      component: 'worker',
      message: 'segment failed',
      monitor_id: 'mon-1',
      error: 'two\nlines: the cause',
    })
  })

  it('carries no query and no user of a URL, wherever in it the URL stands', () => {
    const secret = 'https://user:hunter2@cdn.example.com/live/a.m3u8?token=s3cret&sig=abc#part'
    const [line] = logged('debug', (log) =>
      log.info('event', {
        url: secret,
        error: new Error(`cannot fetch '${secret}'`, { cause: new Error(`refused: ${secret}`) }),
        deep: { list: [`see <${secret}>`, 'postgres://app:hunter2@db/tallylight?sslcert=s3cret'] },
      }),
    )
    const text = JSON.stringify(line)
    for (const part of ['hunter2', 's3cret', 'sig=abc']) expect(text).not.toContain(part)
    expect(line?.['url']).toBe('https://…@cdn.example.com/live/a.m3u8?…')
  })

  it('leaves what is no URL as it is', () => {
    const fields = { reason: 'why? because a@b.c', path: '/a?b=c', ratio: 0.5, none: null, url: 'https://a.example/b' }
    expect(logged('info', (log) => log.info('event', fields))[0]).toMatchObject(fields)
  })
})

describe('the id of what a line is about', () => {
  it('stands in the field of its kind, so that whoever looks for a monitor finds all its lines', () => {
    const id = newMonitorId()
    expect(idField(id)).toEqual({ monitor_id: id })
    expect(idField('what-is-not-known')).toEqual({ subject: 'what-is-not-known' })
  })
})
