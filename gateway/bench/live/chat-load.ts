/**
 * Talks in a chat from a process of its own, and measures the CPU of its server: `node chat-load.ts '{"url":…}'` prints how
 * many messages all clients received while it was measured.
 */

import { setTimeout as wait } from 'node:timers/promises'

import * as v from 'valibot'
import { WebSocket } from 'ws'

import { readCpuSec } from '../cpu.ts'

const ChatOrder = v.object({
  /** The address of the chat. */
  url: v.string(),
  /** The process of its server. */
  pid: v.number(),
  clients: v.number(),
  messagesPerSec: v.number(),
  sec: v.number(),
  /** Sessions of those who write: one of them writes at most once a second. */
  tokens: v.array(v.string()),
})

const WARM_UP_MS = 4000
const CONNECT_AT_A_TIME = 50
const MESSAGE = Buffer.from('"type":"message"')

const { url, pid, clients, messagesPerSec, sec, tokens } = v.parse(
  v.pipe(v.string(), v.parseJson(), ChatOrder),
  process.argv[2],
)
let received = 0
const readers: WebSocket[] = []
while (readers.length < clients) {
  readers.push(...(await Promise.all(Array.from({ length: CONNECT_AT_A_TIME }, () => connect({})))))
}
const writers = await Promise.all(tokens.map((token) => connect({ authorization: `Bearer ${token}` })))
let sent = 0
const timer = setInterval(() => {
  const writer = writers[sent % writers.length]
  writer?.send(JSON.stringify({ type: 'message', text: 'What a good picture this is!', nonce: `n-${sent++}` }))
}, 1000 / messagesPerSec)
await wait(WARM_UP_MS)
const [cpuFrom, receivedFrom] = [readCpuSec(pid), received]
await wait(sec * 1000)
process.stdout.write(JSON.stringify({ cpuSec: readCpuSec(pid) - cpuFrom, deliveries: received - receivedFrom }))
clearInterval(timer)
for (const socket of [...readers, ...writers]) socket.terminate()

function connect(headers: Record<string, string>): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers })
    socket.on('open', () => resolve(socket))
    socket.on('error', reject)
    socket.on('message', (data) => {
      received += countMessages(Buffer.from(data as Uint8Array))
    })
  })
}

function countMessages(frame: Buffer): number {
  let count = 0
  for (let at = frame.indexOf(MESSAGE); at >= 0; at = frame.indexOf(MESSAGE, at + 1)) count++
  return count
}
