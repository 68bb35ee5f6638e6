import type { Sql } from 'postgres'

import type { Log } from '../../../shared/log.ts'
import type { TopicNotifier } from '../../ports/topic-notifier.ts'
import { createTopicNotifier } from '../in-process/topic-notifier.ts'

/** One channel of Postgres for all topics: each gateway listens to it with one connection. */
const CHANNEL = 'tallylight_topics'
/** Shortest time between two notifications of a process, in ms: the commit of each takes a lock of the whole server. */
const PAUSE_MS = 50
/** Topics are short; Postgres takes 8000 bytes at a time. */
const MAX_PAYLOAD = 7000
const SEPARATOR = ' '

/**
 * Creates a notifier for all gateways of a database, by LISTEN and NOTIFY. Topics have no blanks. This process hears at
 * once; others within some 50 ms. It listens from its first subscriber on.
 */
export function createWideNotifier(sql: Sql, log: Log): TopicNotifier {
  const own = createTopicNotifier()
  const send = createTopicSender(sql)
  let isListening = false

  function listen(): void {
    if (isListening) return
    isListening = true
    sql
      .listen(CHANNEL, (payload) => {
        for (const topic of payload.split(SEPARATOR)) own.notify(topic)
      })
      .catch((error: unknown) => {
        isListening = false
        log.debug('notifications of other gateways are not heard', { error })
      })
  }

  return {
    notify(topic) {
      own.notify(topic)
      send(topic)
    },
    subscribe(topic, onNotify) {
      listen()
      return own.subscribe(topic, onNotify)
    },
  }
}

/** Returns a function that notifies the other gateways; topics of 50 ms are sent together. */
function createTopicSender(sql: Sql): (topic: string) => void {
  let topics = new Set<string>()
  let isPaused = false

  function flush(): void {
    const payloads = joinTopics(topics)
    topics = new Set()
    if (payloads.length === 0) {
      isPaused = false
      return
    }
    isPaused = true
    setTimeout(flush, PAUSE_MS)
    // Who is not woken looks by itself.
    for (const payload of payloads) sql.notify(CHANNEL, payload).catch(() => undefined)
  }
  return (topic) => {
    topics.add(topic)
    if (!isPaused) flush()
  }
}

/** Returns topics as the payloads of as few notifications as possible. */
function joinTopics(topics: ReadonlySet<string>): string[] {
  const payloads: string[] = []
  for (const topic of topics) {
    const last = payloads.at(-1)
    if (last === undefined || last.length + topic.length + 1 > MAX_PAYLOAD) payloads.push(topic)
    else payloads[payloads.length - 1] = last + SEPARATOR + topic
  }
  return payloads
}

/** Creates a notifier of one request: it sends to all gateways, and hears its own request only. */
export function createSendingNotifier(sql: Sql, hold: (sent: Promise<void>) => void): TopicNotifier {
  const own = createTopicNotifier()
  return {
    subscribe: own.subscribe,
    notify(topic) {
      own.notify(topic)
      hold(
        sql.notify(CHANNEL, topic).then(
          () => undefined,
          () => undefined,
        ),
      )
    },
  }
}
