/**
 * Talks in chats from a process of its own, as its input orders, and measures the CPU and the memory of their server. It
 * prints how many messages were written, and how many all clients received, while it was measured.
 */

import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'

import * as v from 'valibot'
import { WebSocket } from 'ws'

import { readCpuSec } from '../cpu.ts'

const ChatOrder = v.object({
  /** The addresses of the chats. */
  urls: v.array(v.string()),
  /** The process of their server. */
  pid: v.number(),
  /** Readers of each chat. */
  clients: v.number(),
  /** In all chats together. */
  messagesPerSec: v.number(),
  sec: v.number(),
  /** Sessions of those who write: one of them writes at most once a second. */
  tokens: v.array(v.string()),
})

/** The code is compiled after this time, of both that are compared. */
const WARM_UP_MS = 8000
const CONNECT_AT_A_TIME = 50
const MESSAGE = Buffer.from('"type":"message"')

const { urls, pid, clients, messagesPerSec, sec, tokens } = v.parse(
  v.pipe(v.string(), v.parseJson(), ChatOrder),
  await text(process.stdin),
)
/** The chats may have messages of a run before. */
const runId = Date.now()
let received = 0
const bytesFrom = await readRss(pid)
const readers: WebSocket[] = []
const places = urls.flatMap((url) => Array.from({ length: clients }, () => url))
for (let from = 0; from < places.length; from += CONNECT_AT_A_TIME) {
  readers.push(...(await Promise.all(places.slice(from, from + CONNECT_AT_A_TIME).map((url) => connect(url, {})))))
}
const writers = await Promise.all(
  tokens.map((token, i) => connect(urls[i % urls.length] ?? '', { authorization: `Bearer ${token}` })),
)
let sent = 0
const timer = setInterval(() => {
  const writer = writers[sent % writers.length]
  writer?.send(JSON.stringify({ type: 'message', text: 'What a good picture this is!', nonce: `${runId}-${sent++}` }))
}, 1000 / messagesPerSec)
await wait(WARM_UP_MS)
const [cpuFrom, receivedFrom, sentFrom] = [readCpuSec(pid), received, sent]
await wait(sec * 1000)
const cpuSec = readCpuSec(pid) - cpuFrom
const result = {
  cpuSec,
  deliveries: received - receivedFrom,
  messages: sent - sentFrom,
  bytes: (await readRss(pid)) - bytesFrom,
}
process.stdout.write(JSON.stringify(result))
clearInterval(timer)
for (const socket of [...readers, ...writers]) socket.terminate()

function connect(url: string, headers: Record<string, string>): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers })
    socket.on('open', () => resolve(socket))
    socket.on('error', reject)
    socket.on('message', (data) => {
      received += countMessages(Buffer.from(data as Uint8Array))
    })
  })
}

/** Returns the memory of a process that is not shared with a file, in bytes (proc(5), `RssAnon`). */
async function readRss(process: number): Promise<number> {
  const [, kib = '0'] = /^RssAnon:\s+(\d+) kB/m.exec(await readFile(`/proc/${process}/status`, 'utf8')) ?? []
  return Number(kib) * 1024
}

function countMessages(frame: Buffer): number {
  let count = 0
  for (let at = frame.indexOf(MESSAGE); at >= 0; at = frame.indexOf(MESSAGE, at + 1)) count++
  return count
}
