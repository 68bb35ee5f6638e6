import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createResponseRepair, MAX_HEAD_BYTES } from './response-repair.ts'

/** Repairs a response that arrives in these pieces. */
function repair(pieces: readonly Uint8Array[]): { text: string; hasSurplus: boolean } {
  const { write, end, hasSurplus } = createResponseRepair()
  const written = pieces.map((piece) => write(Buffer.from(piece)))
  return { text: Buffer.concat([...written, end()]).toString('latin1'), hasSurplus: hasSurplus() }
}

function repairText(response: string): string {
  return repair([Buffer.from(response, 'latin1')]).text
}

/** Cuts bytes into pieces of these lengths, over and over. */
function cut(bytes: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const length = lengths[index % lengths.length] ?? 1
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  return pieces
}

const PARTS = [
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.0 200\n',
  'ICY 200 OK\r\n',
  'HTTP/1.1 103 Early Hints\n\n',
  'HTTP/1.1 204\r\n',
  'Content-Length: 5\r\n',
  'content-length :\t5, 5\n',
  'Content-Length:\r\n',
  'Transfer-Encoding: chunked\r\n',
  'X-Long: a\r\n b\r\n\tc\n',
  'no colon\r\n',
  '\r\n',
  '\n',
  '\r',
  ' 5 ;ext="\r\n',
  '5\n',
  'hello',
  '0\r\n',
  '0000',
]

describe('a response is repaired', () => {
  test('into lines that end in CRLF, with one framing field', () => {
    const head =
      '\r\nHTTP/1.1 200\nServer : x\nbroken line\nX-Long: a\n  b\r\n\tc\nContent-Length:\nContent-Length: 5, 5\n\n'
    expect(repairText(`${head}hello`)).toBe(
      'HTTP/1.1 200 \r\nServer: x\r\nX-Long: a b c\r\nContent-Length: 5\r\n\r\nhello',
    )
    expect(repairText('ICY 200 OK\r\nicy-br:128\r\n\r\n\r\n\n')).toBe('HTTP/1.0 200 \r\nicy-br:128\r\n\r\n\r\n\n')
  })

  test('into plain chunks, whose bytes stay as they are', () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\nTransfer-Encoding: Chunked\r\n\r\n'
    const chunks = '2;a="b"\n\n\n\r\n 000A \r\n5\r\nhello\r\n\n0\r\nX-Sum: 1\r\n\r\n'
    expect(repairText(head + chunks)).toBe(
      'HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\n\n\r\na\r\n5\r\nhello\r\n\r\n0\r\n\r\n',
    )
  })

  test('in the same way however its bytes are cut', () => {
    const response = fc.array(fc.constantFrom(...PARTS), { maxLength: 20 }).map((parts) => Buffer.from(parts.join('')))
    const lengths = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(response, lengths, (bytes, pieceLengths) => {
        expect(repair(cut(bytes, pieceLengths))).toEqual(repair([bytes]))
      }),
      { numRuns: 1000 },
    )
  })

  test('once: a repaired response is not changed again', () => {
    const response = fc.array(fc.constantFrom(...PARTS), { maxLength: 20 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(response, (text) => {
        const repaired = repairText(`HTTP/1.1 200 OK\r\n${text}`)
        expect(repairText(repaired)).toBe(repaired)
      }),
    )
  })
})

describe('what is not a response', () => {
  test.each(['SSH-2.0-OpenSSH_9.6\r\n', 'HTTP/1.1 OK\r\n\r\nhello', 'HTTP/1.1 2000 OK\r\n\r\n'])(
    'such as %j passes unchanged',
    (text) => expect(repairText(text)).toBe(text),
  )

  test('is passed as soon as its protocol is known', () => {
    const { write } = createResponseRepair()
    expect(String(write(Buffer.from('SS')))).toBe('')
    expect(String(write(Buffer.from('H-2')))).toBe('SSH-2')
    expect(String(createResponseRepair().write(Buffer.from('HTTP/1.1 OK\r\n')))).toBe('HTTP/1.1 OK\r\n')
  })

  test('is not held beyond the size limit of a head', () => {
    for (const start of ['HTTP/1.1 200 OK\r\nX: ', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;']) {
      const { write } = createResponseRepair()
      const passed = [start, 'x'.repeat(MAX_HEAD_BYTES), 'y'].map((text) => write(Buffer.from(text)).length)
      expect(passed[1]).toBeGreaterThanOrEqual(MAX_HEAD_BYTES)
      expect(passed[2]).toBe(1)
    }
  })

  test.each(['\r', ' ', 'a', ',', 'a\n', '\r ', ' \r', 'a:\n', 'Content-Length: 1\n'])(
    'is read in linear time where it is full of %j',
    (filler) => {
      const lines = filler.repeat(Math.floor((MAX_HEAD_BYTES - 100) / filler.length))
      const { text } = repair([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length:${lines}\r\n\r\n`)])
      expect(text.startsWith('HTTP/1.1 200 \r\n')).toBe(true)
    },
  )

  test('is read in linear time where a long line comes byte by byte', () => {
    const bytes = Buffer.from(`HTTP/1.1 200 ${'x'.repeat(MAX_HEAD_BYTES - 100)}\r\n\r\n`)
    expect(repair(cut(bytes, [1])).text).toBe('HTTP/1.1 200 \r\n\r\n')
  })
})
