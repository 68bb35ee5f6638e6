import { assert, property, string } from 'fast-check'
import { expect, it } from 'vitest'

import { escapeText, foldLine, formatCalendar } from './format-calendar.ts'

const octetsOf = (text: string) => new TextEncoder().encode(text).length
const unfold = (text: string) => text.replaceAll('\r\n ', '')
const unescape = (text: string) => text.replaceAll(/\\(.)/g, (_all, letter: string) => (letter === 'n' ? '\n' : letter))

it('no line has more than 75 octets, none is cut within a character, and unfolding returns it', () => {
  assert(
    property(string({ unit: 'grapheme', maxLength: 300 }), (text) => {
      const line = escapeText(text)
      const folded = foldLine(line)
      for (const part of folded.split('\r\n')) {
        expect(octetsOf(part)).toBeLessThanOrEqual(75)
        expect(new TextDecoder().decode(new TextEncoder().encode(part))).toBe(part)
      }
      expect(unfold(folded)).toBe(line)
    }),
  )
})

it('a text comes back from its value as it was, without control characters', () => {
  assert(
    property(string({ unit: 'binary', maxLength: 100 }), (text) => {
      const plain = text.replaceAll(/\r\n?/g, '\n').replaceAll(/[^\P{Cc}\n\t]/gu, '')
      const value = escapeText(text)
      expect(value).not.toMatch(/[\r\n]|(?<!\\)(?:\\\\)*[;,]/)
      expect(unescape(value)).toBe(plain)
    }),
  )
})

it('a calendar has an event for each broadcast, with times in UTC and CRLF at the end of each line', () => {
  const text = formatCalendar('anna', [
    {
      uid: '1@tallylight',
      start: new Date('2027-01-31T20:00:00.5Z'),
      durationMin: 60,
      changedAt: new Date('2027-01-01T00:00:00Z'),
      summary: 'Chess; fast, and slow\\er',
      description: 'One\nTwo\u0007',
      url: 'https://a.example/watch/1',
    },
  ])
  expect(text.split('\r\n')).toEqual([
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Tallylight//Schedule//EN',
    'METHOD:PUBLISH',
    'X-WR-CALNAME:anna',
    'REFRESH-INTERVAL;VALUE=DURATION:PT1H',
    'BEGIN:VEVENT',
    'UID:1@tallylight',
    'DTSTAMP:20270101T000000Z',
    'DTSTART:20270131T200000Z',
    'DURATION:PT60M',
    String.raw`SUMMARY:Chess\; fast\, and slow\\er`,
    String.raw`DESCRIPTION:One\nTwo`,
    'URL:https://a.example/watch/1',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ])
})
