import { WebSocket } from 'ws'

import { exactly, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { openChatReader, type ChatReader } from './chat-reader.ts'
import { startTwoGateways, type TwoGateways } from './two-gateways.ts'
import { pause, waitUntil } from './wait-until.ts'

const READERS = 1000
const CONNECT_AT_A_TIME = 50
const MESSAGES_PER_SEC = 50
/** One user writes at most once a second. */
const WRITERS = MESSAGES_PER_SEC * 2
/** Seconds of each part: all read, a third is away, a gateway is killed, all read again. */
const PART_SEC = 8
/** How long a reader takes nothing: one that has not answered a ping for an interval of 20 s is dropped at the next. */
const STOPPED_SEC = 45
/** Time until a dropped reader that goes on notices it, in seconds. */
const NOTICE_SEC = 10

/**
 * Reads a chat by 1,000 sockets of two gateways while 50 messages a second are written: a third is cut and comes back to the
 * other gateway, one gateway is killed, and one reader takes nothing from the network.
 */
export async function checkChat(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using gateways = await startTwoGateways(WRITERS, signal)
  const [first, second] = chatUrls(gateways)
  const readers = await openReaders([first, second])
  const stopped = await openChatReader(first)
  stopped.stop()
  const stoppedMs = Date.now()
  const writing = await startWriting(first, gateways.tokens)

  await pause(PART_SEC, signal)
  const away = readers.filter((_one, i) => i % 3 === 0)
  for (const reader of away) reader.cut()
  await pause(PART_SEC, signal)
  await comeBack(away, (i) => (i % 2 === 0 ? second : first))
  await pause(PART_SEC, signal)
  gateways.second.kill('SIGKILL')
  await gateways.second.exited
  const orphans = readers.filter((reader) => reader.url() === second)
  const haveLost = () => orphans.every((reader) => !reader.isOpen())
  await waitUntil(haveLost, { what: 'its readers notice the killed gateway', sec: 20, signal })
  await comeBack(orphans, () => first)
  await pause(PART_SEC, signal)

  const written = await writing.stop()
  const hasAll = () => readers.every((reader) => reader.lastSeq() === written)
  await waitUntil(hasAll, { what: `all readers have ${written} messages`, sec: 20, signal }).catch(() => 0)
  await pause(Math.max(0, STOPPED_SEC - (Date.now() - stoppedMs) / 1000), signal)
  stopped.goOn()
  const isDropped = () => !stopped.isOpen()
  await waitUntil(isDropped, { what: 'the stopped reader notices that', sec: NOTICE_SEC, signal }).catch(() => 0)
  return describe(readers, written, { orphans: orphans.length, isDropped: isDropped() })
}

function describe(
  readers: readonly ChatReader[],
  written: number,
  { orphans, isDropped }: { readonly orphans: number; readonly isDropped: boolean },
): readonly CheckedFigure[] {
  const complete = readers.filter((reader) => reader.lastSeq() === written).length
  const faults = readers.reduce((sum, reader) => sum + reader.faults(), 0)
  const orders = new Set(readers.map((reader) => reader.digest())).size
  return [
    isSo(`${written} messages written`, 'over 1,000', written > 1000),
    exactly('readers with all of them', complete, readers.length),
    exactly('lost, doubled or out of order', faults, 0),
    exactly('orders', orders, 1),
    isSo(`${orphans} readers of the killed gateway came back`, 'some', orphans > 0),
    isSo(`the stopped reader ${isDropped ? 'is dropped' : 'is still there'}`, 'dropped', isDropped),
  ]
}

function chatUrls({ origins, streamId }: TwoGateways): readonly [string, string] {
  const [first, second] = origins.map((origin) => `${origin.replace('http', 'ws')}/api/v1/streams/${streamId}/chat`)
  return [first ?? '', second ?? '']
}

async function openReaders(urls: readonly [string, string]): Promise<ChatReader[]> {
  const readers: ChatReader[] = []
  while (readers.length < READERS) {
    const opened = Array.from({ length: CONNECT_AT_A_TIME }, (_one, i) => openChatReader(urls[i % 2] ?? urls[0]))
    readers.push(...(await Promise.all(opened)))
  }
  return readers
}

/** Lets readers come back, so many at a time. */
async function comeBack(readers: readonly ChatReader[], urlOf: (i: number) => string): Promise<void> {
  for (let from = 0; from < readers.length; from += CONNECT_AT_A_TIME) {
    const some = readers.slice(from, from + CONNECT_AT_A_TIME)
    await Promise.all(some.map((reader, i) => reader.comeBack(urlOf(i))))
  }
}

/** Writes messages by turns; `stop` returns how many were accepted. */
async function startWriting(url: string, tokens: readonly string[]) {
  let [sent, answered, accepted] = [0, 0, 0]
  const writers = await Promise.all(
    tokens.map(async (token) => {
      const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } })
      socket.on('message', (data) => {
        const text = new TextDecoder().decode(data as Uint8Array)
        if (text.startsWith('{"type":"ack"')) accepted++
        if (/^\{"type":"(?:ack|error)"/.test(text)) answered++
      })
      await new Promise<void>((resolve, reject) => {
        socket.on('open', () => resolve())
        socket.on('error', reject)
      })
      return socket
    }),
  )
  const timer = setInterval(() => {
    const message = { type: 'message', text: `What a good picture, number ${sent}!`, nonce: `n-${sent}` }
    writers[sent++ % writers.length]?.send(JSON.stringify(message))
  }, 1000 / MESSAGES_PER_SEC)
  return {
    async stop(): Promise<number> {
      clearInterval(timer)
      await waitUntil(() => answered === sent, {
        what: 'all is answered',
        sec: 20,
        signal: AbortSignal.timeout(60_000),
      })
      for (const writer of writers) writer.terminate()
      return accepted
    },
  }
}
