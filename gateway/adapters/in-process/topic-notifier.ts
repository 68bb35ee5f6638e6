import type { TopicNotifier } from '../../ports/topic-notifier.ts'

/** Creates the notifier of one process, or of one request on a runtime that isolates requests. */
export function createTopicNotifier(): TopicNotifier {
  const topics = new Map<string, Set<() => void>>()
  return {
    notify(topic) {
      for (const onNotify of topics.get(topic) ?? []) onNotify()
    },
    subscribe(topic, onNotify) {
      const subscribers = topics.get(topic) ?? new Set()
      topics.set(topic, subscribers.add(onNotify))
      return () => {
        subscribers.delete(onNotify)
        if (subscribers.size === 0 && topics.get(topic) === subscribers) topics.delete(topic)
      }
    },
  }
}
