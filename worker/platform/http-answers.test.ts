/** Answers that break a rule of HTTP and that players read. */

import net, { type AddressInfo } from 'node:net'

import { describe, expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { createFetcher } from './http.ts'

type Delivery = {
  /** Closes each connection after its first answer. */
  readonly isClosed?: boolean
  /** Sends each byte by itself. */
  readonly isDripped?: boolean
}

async function writeAnswer(socket: net.Socket, answer: string, { isClosed, isDripped }: Delivery): Promise<void> {
  for (const piece of isDripped ? answer : [answer])
    await new Promise((resolve) => socket.setNoDelay(true).write(piece, 'latin1', resolve))
  if (isClosed) socket.end()
}

/** Serves one answer after the other, the last one again and again. */
async function serveAnswers(answers: readonly string[], delivery: Delivery = {}) {
  const sockets = new Set<net.Socket>()
  let answered = 0
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    // A request is one packet: it is short and has no body.
    socket.on('data', () => {
      const answer = answers[Math.min(answered++, answers.length - 1)] ?? ''
      void writeAnswer(socket, answer, delivery)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fetcher = createFetcher({
    policy: { allowPrivateNetworks: true },
    proxies: { http: null, https: null, bypass: null },
  })
  onTestFinished(async () => {
    await fetcher[Symbol.asyncDispose]()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const limits = { timeoutMs: PATIENCE_MS / 2, maxBytes: 1000, signal: new AbortController().signal }
  return {
    countConnections: () => sockets.size,
    fetchNext: async () => {
      const fetched = await fetcher.get(`http://127.0.0.1:${port}/`, limits)
      return fetched.kind === 'ok' ? Buffer.from(fetched.bytes).toString() : fetched.failure.message
    },
  }
}

/** Fetches from a server that writes this answer and keeps the connection, or closes it. */
async function fetchAnswer(answer: string, delivery: Delivery = {}): Promise<string> {
  const { fetchNext } = await serveAnswers([answer], delivery)
  return await fetchNext()
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

describe('an answer is read', () => {
  test.each([201, 203, 226])('with the status %i', async (status) => {
    expect(await fetchAnswer(`HTTP/1.1 ${status} Fine\r\nContent-Length: 5\r\n\r\nhello`)).toBe('hello')
  })

  test.each([204, 205])('as a failure with the status %i, which has no body', async (status) => {
    expect(await fetchAnswer(`HTTP/1.1 ${status} Empty\r\nContent-Length: 0\r\n\r\n`)).toBe(`HTTP ${status}`)
  })

  test('up to its length where it is not in chunks, on a connection that is kept', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n'
    expect(await fetchAnswer(`${head}hello`)).toBe('hello')
    expect(await fetchAnswer(`${head}hel`, { isClosed: true })).toContain('before the end of the body')
  })

  test.each([
    ['chunk lines that end in LF', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n'],
    ['white space round the sizes of chunks', `${CHUNKED} 5\t \r\nhello\r\n0 \r\n\r\n`],
    ['extensions of chunks', `${CHUNKED}2;a=b; c="d"\r\nhe\r\n3 ; e\r\nllo\r\n0;last\r\n\r\n`],
    ['lines after the last chunk', `${CHUNKED}5\r\nhello\r\n0\r\nX-Sum: 1\r\nno colon\n\r\n`],
    [
      'chunks beside lengths that differ',
      CHUNKED.replace('Tr', 'Content-Length: 1, 2\r\nTr') + '5\r\nhello\r\n0\r\n\r\n',
    ],
    ['a header line without a colon', 'HTTP/1.1 200 OK\r\nbroken\r\n: x\r\nContent-Length: 5\r\n\r\nhello'],
    ['a header line whose name is not one', 'HTTP/1.1 200 OK\r\n(a b): x\r\nContent-Length: 5\r\n\r\nhello'],
    ['white space before a colon', 'HTTP/1.1 200 OK\r\nServer : x\r\nContent-Length\t: 5\r\n\r\nhello'],
    ['folded header lines', 'HTTP/1.1 200 OK\r\n x\r\nServer: a\r\n b\r\n\tc\r\nContent-Length:\n 5\r\n\r\nhello'],
    ['two equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello'],
    ['a length that is listed twice', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello'],
    ['an empty length beside another', 'HTTP/1.1 200 OK\r\nContent-Length:\r\nContent-Length: 5\r\n\r\nhello'],
    ['a status line without a reason', 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello'],
    ['a status line without a reason that ends in LF', 'HTTP/1.1 200\nContent-Length: 5\n\nhello'],
    ['a status line of another version', 'HTTP/2 200\r\nContent-Length: 5\r\n\r\nhello'],
    ['blank lines before the status line', '\r\n\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
    ['an answer on the way before it', 'HTTP/1.1 103 Early\nLink: x\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\nhello'],
  ])('with %s, at once or byte by byte', async (_, answer) => {
    expect(await fetchAnswer(answer)).toBe('hello')
    expect(await fetchAnswer(answer, { isDripped: true })).toBe('hello')
  })

  test.each([
    ['an empty length', 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello'],
    ['HTTP/1.0 and no length', 'HTTP/1.0 200 OK\r\n\r\nhello'],
    ['a status line of SHOUTcast', 'ICY 200 OK\r\nicy-name: x\r\n\r\nhello'],
    ['chunks without the blank line after the last one', `${CHUNKED}5\r\nhello\r\n0\r\n`],
    ['more after the body', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello and more'],
    ['more after the chunks', `${CHUNKED}5\r\nhello\r\n0\r\n\r\nand more`],
  ])('with %s, where the connection is closed', async (_, answer) => {
    expect(await fetchAnswer(answer, { isClosed: true })).toBe('hello')
    expect(await fetchAnswer(answer, { isClosed: true, isDripped: true })).toBe('hello')
  })
})

describe('a connection', () => {
  const chunks = (text: string) => `${CHUNKED}${text.length.toString(16)};x\n${text}\n0\nX-Sum: 1\n\n`

  test('is kept after an answer that had to be repaired', async () => {
    const texts = Array.from({ length: 10 }, (_, index) => `answer ${index}`)
    const { fetchNext, countConnections } = await serveAnswers(texts.map(chunks))
    for (const text of texts) expect(await fetchNext()).toBe(text)
    expect(countConnections()).toBeLessThanOrEqual(2)
  })

  test('is not kept after an answer with more behind it, which is no answer to the next request', async () => {
    const surplus = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
    const { fetchNext, countConnections } = await serveAnswers([chunks('first') + surplus, chunks('second')])
    for (const expected of ['first', 'second']) expect(await fetchNext()).toBe(expected)
    expect(countConnections()).toBe(2)
  })
})

describe('an answer is refused', () => {
  test.each([
    ['two lengths that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    ['lengths of one line that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello'],
    ['a chunk without a size', `${CHUNKED}hello\r\n0\r\n\r\n`],
    ['a chunk of a size beyond all bounds', `${CHUNKED}fffffffffffffffff\r\nhello`],
    ['a chunk that is longer than its size', `${CHUNKED}3\r\nhello\r\n0\r\n\r\n`],
    ['the greeting of another protocol', 'SSH-2.0-OpenSSH_9.6'],
    ['a status that is no number', 'HTTP/1.1 OK\r\n\r\nhello'],
    ['an endless header line', `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(300_000)}`],
  ])('with %s, without waiting for its end', async (_, answer) => {
    expect(await fetchAnswer(answer)).toMatch(/^Parse Error|^Header overflow/)
  })

  test.each(['5\r\nhel', '5\r\nhello', '5\r\nhello\n', '5\r\nhello\r\n0'])(
    'with chunks that end in %j',
    async (end) => {
      expect(await fetchAnswer(CHUNKED + end, { isClosed: true })).toContain('before the end of the body')
    },
  )
})
