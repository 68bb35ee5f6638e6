import { describe, expect, it } from 'vitest'

import { newId } from './ids.ts'
import { createIdFields, createLog, type IdField } from './log.ts'

/** Returns the lines that a log of this level writes, parsed. */
function captureLines(
  level: 'info' | 'debug',
  use: (log: ReturnType<typeof createLog>) => void,
): Record<string, unknown>[] {
  const lines: string[] = []
  use(createLog('gateway', level, (line) => lines.push(line)))
  return lines.map((line) => JSON.parse(line))
}

describe('a log line', () => {
  it('is one line of JSON: time, level, component, message, then the fields', () => {
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

  it('contains no query and no credentials of a URL, wherever the URL stands', () => {
    const secret = 'https://user:hunter2@cdn.example.com/live/a.m3u8?token=s3cret&sig=abc#part'
    const [line] = captureLines('debug', (log) =>
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

  it('keeps text that is not a URL unchanged', () => {
    const fields = { reason: 'why? because a@b.c', path: '/a?b=c', ratio: 0.5, none: null, url: 'https://a.example/b' }
    expect(captureLines('info', (log) => log.info('event', fields))[0]).toMatchObject(fields)
  })
})

describe('the log field of an id', () => {
  const idFields = createIdFields(
    new Map<string, IdField>([
      ['mon', 'monitor_id'],
      ['job', 'job_id'],
      ['live', { bare: 'stream_id' }],
    ]),
  )

  it('is that of its prefix, so that a search for one id finds all its lines', () => {
    const [monitor, job] = [newId('mon'), newId('job')]
    expect(idFields(monitor)).toEqual({ monitor_id: monitor })
    expect(idFields(job)).toEqual({ job_id: job })
  })

  it('has the id without its prefix where the record itself has none', () => {
    const streamId = newId('live').slice('live-'.length)
    expect(idFields(`live-${streamId}`)).toEqual({ stream_id: streamId })
  })

  it('is `subject` for an unknown prefix, an empty id, and a name that objects inherit', () => {
    for (const id of ['task-1', 'monitor-1', '', 'constructor-1']) expect(idFields(id)).toEqual({ subject: id })
  })
})
