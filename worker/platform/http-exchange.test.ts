import net, { type AddressInfo } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'

import { describe, expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { exchange, type HttpResponse } from './http-exchange.ts'

const TEXT = '#EXTM3U\n'.repeat(20_000)

type Answer = { readonly lines: readonly string[]; readonly body: Uint8Array; pieces?: number; pauseMs?: number }

/** Writes an answer with these header lines and this body, in pieces after pauses, and closes the connection. */
async function write(socket: net.Socket, { lines, body, pieces = 1, pauseMs = 5 }: Answer): Promise<void> {
  socket.setNoDelay(true).write(`HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`)
  const size = Math.ceil(body.length / pieces)
  for (let at = 0; at < body.length; at += size) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    socket.write(body.subarray(at, at + size))
  }
  socket.end()
}

/** Sends one request to a server with this answer. */
async function ask(lines: readonly string[], body: Uint8Array, pace: Partial<Answer> = {}): Promise<HttpResponse> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => void write(socket, { lines, body, ...pace }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const options = { host: '127.0.0.1', port, path: '/', headers: {} }
  return await exchange({ isSecure: false, options }, {}, new AbortController().signal)
}

async function readAll({ body }: HttpResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('a response is read as a player does', () => {
  test('with headers of up to 256 KiB', async () => {
    const cookies = Array.from({ length: 60 }, (_, index) => `Set-Cookie: c${index}=${'v'.repeat(4000)}`)
    const response = await ask(cookies, Buffer.from('hello'))
    expect(response.cookies).toHaveLength(60)
    expect(await readAll(response)).toBe('hello')
    await expect(ask([`X-Long: ${'x'.repeat(300_000)}`], Buffer.from(''))).rejects.toThrow('Header overflow')
  })

  test.each([
    ['deflate', 'with a zlib header', deflateSync(TEXT)],
    ['deflate', 'without a zlib header', deflateRawSync(TEXT)],
    ['br', 'once', brotliCompressSync(TEXT)],
    ['gzip, GZIP', 'twice', gzipSync(gzipSync(TEXT))],
    ['br, identity ,deflate,x-gzip', 'three times', gzipSync(deflateRawSync(brotliCompressSync(TEXT)))],
  ])('with Content-Encoding: %s, encoded %s', async (encoding, _, encoded) => {
    const line = `Content-Encoding: ${encoding}`
    expect(await readAll(await ask([line], encoded))).toBe(TEXT)
    expect(await readAll(await ask([line, `Content-Length: ${encoded.length}`], encoded, { pieces: 20 }))).toBe(TEXT)
  })

  test('with encodings of two lines', async () => {
    const lines = ['Content-Encoding: deflate', 'Content-Encoding: gzip']
    expect(await readAll(await ask(lines, gzipSync(deflateSync(TEXT))))).toBe(TEXT)
  })

  test('with an encoding that was not offered, or more than three, as it is', async () => {
    const encoded = gzipSync('hello')
    for (const encoding of ['zstd', 'gzip, zstd', 'gzip, gzip, gzip, gzip'])
      expect(await readAll(await ask([`Content-Encoding: ${encoding}`], encoded))).toBe(encoded.toString())
  })
})

describe('an encoded body', () => {
  test.each(['gzip', 'deflate', 'gzip, deflate'])('of %s may be empty', async (encoding) => {
    expect(await readAll(await ask([`Content-Encoding: ${encoding}`, 'Content-Length: 0'], Buffer.from('')))).toBe('')
  })

  test.each(['gzip', 'deflate', 'gzip, deflate'])('of %s that is cut short or broken is an error', async (encoding) => {
    const line = `Content-Encoding: ${encoding}`
    const cut = await ask([line, 'Content-Length: 9'], Buffer.from(''))
    await expect(readAll(cut)).rejects.toThrow('before the end of the body')
    await expect(readAll(await ask([line], Buffer.from([0xff, 0xff, 0xff])))).rejects.toThrow(/header check|block type/)
  })

  test.each(['gzip', 'deflate', 'gzip, deflate'])(
    'of %s that does not come ends with its response',
    async (encoding) => {
      const lines = [`Content-Encoding: ${encoding}`, 'Content-Length: 1']
      const response = await ask(lines, Buffer.from([0x78]), { pauseMs: 10 * PATIENCE_MS })
      setTimeout(() => response.close(), 50)
      await expect(readAll(response)).rejects.toThrow('Premature close')
    },
  )

  test('is read no faster than it is taken', async () => {
    const bomb = deflateRawSync(Buffer.alloc(50_000_000))
    const { body } = await ask(['Content-Encoding: deflate'], bomb)
    const beforeBytes = process.memoryUsage().arrayBuffers
    for await (const chunk of body) {
      expect(chunk.length).toBeLessThan(1_000_000)
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(process.memoryUsage().arrayBuffers - beforeBytes).toBeLessThan(10_000_000)
      break
    }
  })
})
